//! Quick look.
use comove_core::{batch::rolling, pair::*, RollingPair, Window};
use std::time::Instant;
fn main() {
    let n = 1_000_000;
    let mut s = 12345u64;
    let mut rnd = || { s ^= s << 13; s ^= s >> 7; s ^= s << 17; (s >> 11) as f64 / (1u64 << 53) as f64 - 0.5 };
    let x: Vec<f64> = (0..n).map(|_| rnd() * 0.02).collect();
    let y: Vec<f64> = x.iter().map(|x| 1.3 * x + rnd() * 0.01).collect();
    for w in [10, 30, 100, 1440, 10000] {
        let win = Window::rows(w, 3, None).unwrap();
        let mut out = vec![0.0; n];
        let mut best = [f64::MAX; 4];
        let mut o: Vec<Vec<f64>> = (0..7).map(|_| vec![0.0; n]).collect();
        for _ in 0..5 {
            let t = Instant::now(); rolling(Corr, &win, [&y, &x], &[], [&mut out]).unwrap(); best[0] = best[0].min(t.elapsed().as_nanos() as f64 / n as f64);
            let [a,b,c,d,e,f,g] = &mut o[..] else { panic!() };
            let t = Instant::now(); rolling(FullRegression, &win, [&y, &x], &[], [a,b,c,d,e,f,g]).unwrap(); best[1] = best[1].min(t.elapsed().as_nanos() as f64 / n as f64);
            let t = Instant::now(); rolling(Var { ddof: 1 }, &win, [&y], &[], [&mut out]).unwrap(); best[2] = best[2].min(t.elapsed().as_nanos() as f64 / n as f64);
            let t = Instant::now();
            let mut p = RollingPair::new(win, None, 1).unwrap(); let mut acc = 0.0;
            for i in 0..n { p.update(y[i], x[i], 0).unwrap(); let b = p.beta(); out[i] = b; if b == b { acc += b } }
            best[3] = best[3].min(t.elapsed().as_nanos() as f64 / n as f64);
            std::hint::black_box(acc);
        }
        let bad = (0..n).filter(|&i| out[i].to_bits() != o[0][i].to_bits() && !(out[i].is_nan() && o[0][i].is_nan())).count();
        println!("w {w}: corr {:.2} reg {:.2} var {:.2} live {:.1} ns/row; mismatched bits {bad}", best[0], best[1], best[2], best[3]);
    }
}
