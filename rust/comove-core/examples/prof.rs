//! Profile.
use comove_core::{batch::rolling, pair::*, Window};
fn main() {
    let n = 1_000_000;
    let mut s = 12345u64;
    let mut rnd = || { s ^= s << 13; s ^= s >> 7; s ^= s << 17; (s >> 11) as f64 / (1u64 << 53) as f64 - 0.5 };
    let x: Vec<f64> = (0..n).map(|_| rnd() * 0.02).collect();
    let y: Vec<f64> = x.iter().map(|x| 1.3 * x + rnd() * 0.01).collect();
    let win = Window::rows(30, 3, None).unwrap();
    let mut out = vec![0.0; n];
    for _ in 0..300 { rolling(Corr, &win, [&y, &x], &[], [&mut out]).unwrap(); }
    println!("{}", out[n-1]);
}
