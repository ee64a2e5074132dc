//! x
use comove_core::{Panel, PanelReading, RollingPair, Window, features::Returns};
use std::time::Instant;
fn main() {
    let n = 300_000;
    let mut s = 12345u64;
    let mut rnd = || {
        s ^= s << 13;
        s ^= s >> 7;
        s ^= s << 17;
        (s >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    let x: Vec<f64> = (0..n).map(|_| rnd() * 0.02).collect();
    let y: Vec<f64> = x.iter().map(|x| 1.3 * x + rnd() * 0.01).collect();
    for w in [30usize, 1440, 10000] {
        let mut best = f64::MAX;
        for _ in 0..7 {
            let mut p = RollingPair::new(Window::rows(w, 3, None).unwrap(), None, 1).unwrap();
            let mut acc = 0.0;
            let t = Instant::now();
            for i in 0..n {
                p.update(y[i], x[i], 0).unwrap();
                let b = p.beta();
                if b == b {
                    acc += b
                }
            }
            best = best.min(t.elapsed().as_nanos() as f64 / n as f64);
            std::hint::black_box(acc);
        }
        println!("live {w}: {best:.1}");
    }
    for w in [30usize, 1440, 10000] {
        let names: Vec<String> = (0..500).map(|i| format!("A{i}")).collect();
        let mut p =
            Panel::new(names, vec!["BTC".into(), "ETH".into(), "SOL".into()], w, None, Returns::Simple)
                .unwrap();
        let mut px = vec![100.0; 503];
        let mut lat = vec![];
        for i in 0..(2 * w + 3000) {
            for v in &mut px {
                *v *= 1.0 + 0.02 * rnd();
            }
            let t = Instant::now();
            p.update(i as i64, &px).unwrap();
            let t1 = t.elapsed();
            let b = p.read(PanelReading::Beta);
            let c = p.read(PanelReading::Corr);
            lat.push((t.elapsed().as_nanos() as u64, t1.as_nanos() as u64));
            std::hint::black_box((b, c));
        }
        let mut l = lat.split_off(if w > 1000 { 2 * w } else { 200 });
        let mut u: Vec<u64> = l.iter().map(|x| x.1).collect();
        u.sort();
        l.sort();
        let q = |f: f64| l[((l.len() - 1) as f64 * f) as usize].0 as f64 / 1000.0;
        println!(
            "panel {w}: median {:.1} (update {:.1}) p99 {:.1} p99.9 {:.1} max {:.1}",
            q(0.5),
            u[u.len() / 2] as f64 / 1000.0,
            q(0.99),
            q(0.999),
            q(1.0)
        );
    }
}
