//! x
use comove_core::{RollingPair, Window};
fn main() {
    for size in [3usize, 5, 16, 30, 64, 100, 200, 500, 1440, 5000, 10000, 50000] {
        let mut worst = 0f64;
        let mut worstn = 0f64;
        for seed in 1..9u64 {
            let mut s = seed * 88172645463325252u64;
            let mut r = || {
                s ^= s << 13;
                s ^= s >> 7;
                s ^= s << 17;
                (s >> 11) as f64 / (1u64 << 53) as f64 - 0.5
            };
            let mut p = RollingPair::new(Window::rows(size, 3, Some(3)).unwrap(), None, 1).unwrap();
            for i in 0..(size * 3).max(6000) {
                let x = if seed % 2 == 0 { r() * 0.02 } else { r() * r() * r() };
                let y = 3.3 * x + 0.001;
                p.update(y, x, i as i64).unwrap();
                let c = p.raw_corr();
                if c == c {
                    worst = worst.max(c - 1.0);
                    worstn = worstn.max(1.0 - c);
                }
            }
        }
        println!("{size}: +{:.1} -{:.1} ulp", worst / 2.22e-16, worstn / 2.22e-16);
    }
}
