//! One answer: batch and live, any lanes, snapshots, peeks and amendments; what has left leaves no trace.

// Counts and times of tests are small, and a value is exact where it is compared so.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use common::{bits, hard, related};
use comove_core::batch::{rolling, rolling_with};
use comove_core::features::Returns;
use comove_core::lanes::Lanes;
use comove_core::pair::{Beta, BetaCorr, FullRegression, Std, Var};
use comove_core::{CrossAsset, JointPair, Panel, PanelReading, RollingPair, Window};
use proptest::prelude::*;

fn widths() -> Vec<Lanes> {
    [1, 2, 4, 8].into_iter().filter_map(|width| Lanes::with_width(width).ok()).collect()
}

fn regression(lanes: Lanes, window: &Window, y: &[f64], x: &[f64]) -> Vec<Vec<f64>> {
    let mut out = vec![vec![0.0; y.len()]; 7];
    let [a, b, c, d, e, f, g] = &mut out[..] else { unreachable!() };
    rolling_with(lanes, FullRegression, window, [y, x], &[], [a, b, c, d, e, f, g]).unwrap();
    out
}

fn live(window: &Window, y: &[f64], x: &[f64]) -> Vec<Vec<f64>> {
    let mut pair = RollingPair::new(*window, None, 1).unwrap();
    let mut out = vec![Vec::new(); 7];
    for (&y, &x) in y.iter().zip(x) {
        pair.update(y, x, 0).unwrap();
        let readings = [
            pair.beta(),
            pair.alpha(),
            pair.corr(),
            pair.r_squared(),
            pair.beta_stderr(),
            pair.residual_std(),
            pair.n(),
        ];
        for (out, reading) in out.iter_mut().zip(readings) {
            out.push(reading);
        }
    }
    out
}

#[test]
fn lanes_and_doors() {
    for (name, (y, x)) in hard(1500) {
        for size in [3, 8, 15, 16, 17, 30, 48, 49, 112, 200, 700, 1499, 1500, 4000, 100_000] {
            let window = Window::rows(size, 3, Some(size.clamp(2, 5))).unwrap();
            let live = live(&window, &y, &x);
            for lanes in widths() {
                let batch = regression(lanes, &window, &y, &x);
                for (reading, (live, batch)) in live.iter().zip(&batch).enumerate() {
                    assert_eq!(
                        bits(live),
                        bits(batch),
                        "{name}, window {size}, {lanes:?}, reading {reading}"
                    );
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_gaps_and_windows(seed in 0_u64..1 << 40, n in 1_usize..400, gaps in 0_u64..700, size in 3_usize..90) {
        let (y, x) = related(seed, n, gaps);
        let window = Window::rows(size, 3, Some(2.max(size / 2))).unwrap();
        let live = live(&window, &y, &x);
        for lanes in widths() {
            for (live, batch) in live.iter().zip(&regression(lanes, &window, &y, &x)) {
                prop_assert_eq!(bits(live), bits(batch));
            }
        }
    }

    #[test]
    fn snapshots_peeks_and_amendments(
        seed in 0_u64..1 << 40, n in 2_usize..200, gaps in 0_u64..500, size in 3_usize..70, by_time: bool,
    ) {
        let (y, x) = related(seed, n, gaps);
        let mut numbers = common::Numbers::new(seed + 1);
        let window = if by_time {
            Window::span(size as i64 * 10, 2).unwrap()
        } else {
            Window::rows(size, 3, Some(2)).unwrap()
        };
        let rows = by_time.then_some(1000);
        let mut plain = RollingPair::new(window, rows, 1).unwrap();
        let mut other = plain.clone();
        let mut now = -500_i64;
        for t in 0..n {
            now += (numbers.next() % 40) as i64;
            plain.update(y[t], x[t], now).unwrap();
            let before = other.to_bytes();
            let peeked = other.peek(y[t], x[t], now).unwrap();
            prop_assert_eq!(before, other.to_bytes());
            match numbers.next() % 4 {
                0 => {
                    other = RollingPair::from_bytes(&other.to_bytes()).unwrap();
                    other.update(y[t], x[t], now).unwrap();
                }
                1 => {
                    other.update(1e300, f64::NAN, now).unwrap();
                    other.amend(7.0, -3.0, Some(now)).unwrap();
                    other.amend(y[t], x[t], None).unwrap();
                }
                2 => {
                    other.update(1e9, -1e9, now).unwrap();
                    other = RollingPair::from_bytes(&other.to_bytes()).unwrap();
                    other.amend(y[t], x[t], Some(now)).unwrap();
                }
                _ => other.update(y[t], x[t], now).unwrap(),
            }
            prop_assert_eq!(bits(&[peeked]), bits(&[plain.beta()]));
            prop_assert_eq!(plain.to_bytes(), other.to_bytes());
            let read = |p: &RollingPair| bits(&[p.beta(), p.alpha(), p.corr(), p.cov(), p.residual_std(), p.n()]);
            prop_assert_eq!(read(&plain), read(&other));
        }
    }

    #[test]
    fn corrupted_snapshots_are_refused(seed in 0_u64..1 << 40, at in 0.0..1.0_f64, flip in 1_u8..=255) {
        let (y, x) = related(seed, 50, 100);
        let mut pair = RollingPair::new(Window::rows(20, 3, None).unwrap(), None, 1).unwrap();
        let mut joint = JointPair::new(1, Window::span(100, 3).unwrap(), Some(60)).unwrap();
        for (t, (&y, &x)) in y.iter().zip(&x).enumerate() {
            pair.update(y, x, 0).unwrap();
            joint.update(&[y, x], t as i64).unwrap();
        }
        for bytes in [pair.to_bytes(), joint.to_bytes()] {
            let place = ((bytes.len() - 1) as f64 * at) as usize;
            let mut broken = bytes.clone();
            broken[place] ^= flip;
            prop_assert!(RollingPair::from_bytes(&broken).is_err());
            prop_assert!(JointPair::from_bytes(&broken).is_err());
            prop_assert!(RollingPair::from_bytes(&bytes[..place]).is_err());
            // A right checksum over a wrong body: refused, or a state that some stream leads to, never a panic.
            let body = broken.len() - 8;
            let crc = crc::Crc::<u64>::new(&crc::CRC_64_XZ).checksum(&broken[..body]);
            broken[body..].copy_from_slice(&crc.to_le_bytes());
            if let Ok(mut pair) = RollingPair::from_bytes(&broken) {
                pair.update(0.1, 0.2, i64::MAX).ok();
            }
            if let Ok(mut joint) = JointPair::from_bytes(&broken) {
                joint.update(&[0.1, 0.2], i64::MAX).ok();
            }
        }
    }
}

#[test]
fn what_has_left_leaves_no_trace() {
    let (y, x) = related(21, 900, 20);
    for size in [3, 16, 30, 100] {
        let window = Window::rows(size, 3, Some(2)).unwrap();
        for spike in [1e12, -1e300, 1e-300, f64::NAN] {
            let (mut ys, mut xs) = (y.clone(), x.clone());
            for at in [100, 115, 400] {
                ys[at] = spike;
                xs[at] = spike;
            }
            let clean = regression(Lanes::widest(), &window, &y, &x);
            let spiked = regression(Lanes::widest(), &window, &ys, &xs);
            for t in 0..y.len() {
                if [100, 115, 400].iter().any(|&at| t >= at && t < at + size) {
                    continue;
                }
                for (clean, spiked) in clean.iter().zip(&spiked) {
                    assert_eq!(
                        bits(&clean[t..=t]),
                        bits(&spiked[t..=t]),
                        "window {size}, spike {spike}, row {t}"
                    );
                }
            }
        }
    }
}

#[test]
fn constants_do_not_vary() {
    for value in [0.1, 0.3, 1e12 + 0.1, -1e-200, 5e-324] {
        let mut y = related(22, 200, 0).0;
        y[50..].fill(value);
        let x = related(23, 200, 0).1;
        let mut var = vec![0.0; 200];
        let window = Window::rows(20, 2, None).unwrap();
        rolling(Var { ddof: 1 }, &window, [&y[..]], &[], [&mut var]).unwrap();
        assert!(var[69..].iter().all(|v| v.to_bits() == 0), "{value}");
        assert!(var[20..68].iter().all(|v| *v > 0.0));
        let mut cov = vec![0.0; 200];
        rolling(comove_core::pair::Cov { ddof: 1 }, &window, [&y[..], &x[..]], &[], [&mut cov]).unwrap();
        assert!(cov[69..].iter().all(|v| *v == 0.0));
        let mut beta = vec![0.0; 200];
        rolling(Beta, &Window::rows(20, 3, None).unwrap(), [&x[..], &y[..]], &[], [&mut beta]).unwrap();
        assert!(beta[69..].iter().all(|v| v.is_nan()));
    }
}

#[test]
fn perfect_fits() {
    let x = related(24, 3000, 0).1;
    for slope in [2.0, -0.5, 3.7, 1e-9, 1e9_f64] {
        let y: Vec<f64> = x.iter().map(|x| slope * x).collect();
        for size in [3, 30, 1000] {
            let out = regression(Lanes::widest(), &Window::rows(size, 3, None).unwrap(), &y, &x);
            for t in size - 1..y.len() {
                assert!((out[0][t] / slope - 1.0).abs() < 1e-12);
                assert!((out[2][t].abs() - 1.0).abs() <= ROUNDING && out[2][t] * slope > 0.0);
                assert_eq!((out[4][t], out[5][t]), (0.0, 0.0), "slope {slope}, window {size}, row {t}");
            }
        }
    }
}

/// What rounding may take a correlation past 1, in either direction (design section 4).
const ROUNDING: f64 = 8.0 * f64::EPSILON;

#[test]
fn panels_are_pairs() {
    let n = 260;
    let symbols = 13;
    let mut numbers = common::Numbers::new(31);
    let mut prices = vec![vec![0.0; symbols]; n];
    let mut level = vec![100.0; symbols];
    for (t, row) in prices.iter_mut().enumerate() {
        for (s, place) in row.iter_mut().enumerate() {
            level[s] *= 1.0 + numbers.unit() * 0.03;
            let late = s == 5 && t < 90;
            let ended = s == 7 && t > 150;
            let hole = numbers.next().is_multiple_of(20);
            *place = if late || ended || hole { f64::NAN } else { level[s] };
        }
    }
    let names = |range: std::ops::Range<usize>| range.map(|s| format!("S{s}")).collect::<Vec<_>>();
    for size in [3, 30, 75] {
        let mut panel = Panel::new(names(0..11), names(10..13), size, Some(3), Returns::Simple, 0).unwrap();
        let options =
            CrossAsset::new(size, Some(3), comove_core::features::Lookbacks::default(), Returns::Simple)
                .unwrap();
        let column = |s: usize| prices.iter().map(|row| row[s]).collect::<Vec<_>>();
        let mut batch = Vec::new();
        for asset in 0..11 {
            for leader in 10..13 {
                let mut out = vec![vec![0.0; n]; 5];
                let [a, b, c, d, e] = &mut out[..] else { unreachable!() };
                options.batch(&column(asset), &column(leader), [a, b, c, d, e]).unwrap();
                batch.push(out);
            }
        }
        for (t, row) in prices.iter().enumerate() {
            let ts = t as i64;
            let peeked = panel.peek(ts, row, &[PanelReading::Beta, PanelReading::Corr]).unwrap();
            match t % 5 {
                0 => panel = Panel::from_bytes(&panel.to_bytes()).unwrap(),
                1 => {
                    panel.add_asset("NEW").unwrap();
                    panel.remove_asset("NEW").unwrap();
                }
                _ => {}
            }
            if t % 3 == 0 {
                let wrong: Vec<f64> = row.iter().map(|v| if v.is_nan() { 3.0 } else { f64::NAN }).collect();
                panel.update(ts, &wrong).unwrap();
                panel.amend(ts, row).unwrap();
            } else {
                panel.update(ts, row).unwrap();
            }
            let (beta, corr) = (panel.read(PanelReading::Beta), panel.read(PanelReading::Corr));
            assert_eq!((bits(&beta), bits(&corr)), (bits(&peeked[0]), bits(&peeked[1])), "row {t}");
            for asset in 0..11 {
                let features = panel.features(&format!("S{asset}")).unwrap();
                for leader in 0..3 {
                    let of = &batch[asset * 3 + leader];
                    let at = leader * 11 + asset;
                    assert_eq!(
                        bits(&[beta[at], corr[at]]),
                        bits(&[of[0][t], of[1][t]]),
                        "row {t}, {asset}, {leader}"
                    );
                    let f = features[leader];
                    let live = [f.beta, f.correlation, f.divergence, f.volatility, f.relative_momentum];
                    let batch: Vec<f64> = of.iter().map(|column| column[t]).collect();
                    assert_eq!(bits(&live), bits(&batch), "row {t}, {asset}, {leader}");
                }
            }
        }
    }
}

#[test]
fn fewer_outputs_have_the_same_bits() {
    let (y, x) = related(41, 700, 60);
    let window = Window::rows(30, 3, Some(10)).unwrap();
    let all = regression(Lanes::widest(), &window, &y, &x);
    let (mut beta, mut corr) = (vec![0.0; 700], vec![0.0; 700]);
    rolling(BetaCorr, &window, [&y[..], &x[..]], &[], [&mut beta, &mut corr]).unwrap();
    assert_eq!((bits(&beta), bits(&corr)), (bits(&all[0]), bits(&all[2])));
    let (mut var, mut std) = (vec![0.0; 700], vec![0.0; 700]);
    rolling(Var { ddof: 1 }, &window, [&y[..]], &[], [&mut var]).unwrap();
    rolling(Std, &window, [&y[..]], &[], [&mut std]).unwrap();
    assert_eq!(bits(&var.iter().map(|v| v.sqrt()).collect::<Vec<_>>()), bits(&std));
}

#[test]
fn refused_rows_change_nothing() {
    let window = Window::span(10, 2).unwrap();
    let mut pair = RollingPair::new(window, Some(4), 1).unwrap();
    for t in 0..4 {
        pair.update(f64::from(t), 1.0 + f64::from(t * t), i64::from(t)).unwrap();
    }
    let before = pair.to_bytes();
    assert!(pair.update(1.0, 2.0, 2).is_err());
    assert!(pair.update(1.0, 2.0, 9).is_err());
    assert_eq!(pair.to_bytes(), before);
    pair.update(1.0, 2.0, 10).unwrap();
}

/// Of long runs not every suffix is kept: see `Shape::kept`.
#[test]
fn long_runs() {
    let (y, x) = related(51, 700_000, 3);
    let window = Window::rows(300_000, 3, Some(2)).unwrap();
    let live = live(&window, &y, &x);
    let batch = regression(Lanes::widest(), &window, &y, &x);
    for (live, batch) in live.iter().zip(&batch) {
        assert_eq!(bits(live), bits(batch));
    }
}

#[test]
fn many_rows_at_a_time() {
    let (y, x) = related(52, 60_000, 30);
    let mut numbers = common::Numbers::new(53);
    let mut now = -5_000_000_i64;
    let times: Vec<i64> = (0..y.len())
        .map(|t| {
            // Bursts of equal times, steady rows, and now and then a pause.
            now += match t % 10_000 {
                0 => 40_000,
                1..4_000 => 0,
                _ => (numbers.next() % 5) as i64,
            };
            now
        })
        .collect();
    for span in [1_000, 10_000, 100_000] {
        let window = Window::span(span, 2).unwrap();
        let mut beta = vec![0.0; y.len()];
        rolling(Beta, &window, [&y[..], &x[..]], &times, [&mut beta]).unwrap();
        let mut pair = RollingPair::new(window, Some(50_000), 1).unwrap();
        let mut betas = Vec::new();
        for t in 0..y.len() {
            if t % 7_001 == 0 {
                pair = RollingPair::from_bytes(&pair.to_bytes()).unwrap();
            }
            let peeked = pair.peek(y[t], x[t], times[t]).unwrap();
            pair.update(y[t], x[t], times[t]).unwrap();
            assert_eq!(bits(&[peeked]), bits(&[pair.beta()]), "span {span}, row {t}");
            betas.push(pair.beta());
        }
        assert_eq!(bits(&betas), bits(&beta), "span {span}");
    }
}

#[test]
fn a_span_does_not_know_where_the_stream_began() {
    let (y, x) = related(54, 20_000, 40);
    let mut numbers = common::Numbers::new(55);
    let mut now = 0_i64;
    let times: Vec<i64> = (0..y.len())
        .map(|_| {
            now += (numbers.next() % 50) as i64;
            now
        })
        .collect();
    for span in [7, 1_000, 30_011] {
        let window = Window::span(span, 2).unwrap();
        let betas = |from: usize| {
            let mut beta = vec![0.0; y.len() - from];
            rolling(Beta, &window, [&y[from..], &x[from..]], &times[from..], [&mut beta]).unwrap();
            beta
        };
        let whole = betas(0);
        for from in [1, 17, 500, 5_003] {
            let complete = times.partition_point(|&at| at < times[from] + span);
            assert_eq!(
                bits(&betas(from)[complete - from..]),
                bits(&whole[complete..]),
                "span {span}, from {from}"
            );
        }
    }
}

#[test]
fn the_first_times_there_are() {
    let times = [0, 1, 2, 8, 9, 9].map(|after| i64::MIN + after);
    let (y, x) = related(56, 6, 0);
    let mut pair = RollingPair::new(Window::span(10, 2).unwrap(), Some(9), 1).unwrap();
    for (t, &ts) in times.iter().enumerate() {
        pair.update(y[t], x[t], ts).unwrap();
        assert_eq!(pair.n(), (t + 1) as f64);
    }
    let restored = RollingPair::from_bytes(&pair.to_bytes()).unwrap();
    assert_eq!(bits(&[restored.beta(), restored.n()]), bits(&[pair.beta(), 6.0]));
}
