//! Correlations at every lag: one answer on every door, that of a rolling pair fed with the pairs of the lag.

// Counts of tests are small, and a value is exact where it is compared so.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    clippy::unwrap_used
)]

mod common;

use common::{bits, hard, related};
use comove_core::features::Returns;
use comove_core::lags::Scan;
use comove_core::lags::batch::{cross_correlation_with, lag_scan_with};
use comove_core::lanes::Lanes;
use comove_core::{LagScanner, Lags, Panel, RollingPair, Window};
use proptest::prelude::*;

fn widths() -> Vec<Lanes> {
    [1, 2, 4, 8].into_iter().filter_map(|width| Lanes::with_width(width).ok()).collect()
}

/// Correlation and count at every lag and row, from pairs at that lag.
fn pairs(lags: &Lags, y: &[f64], x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (n, most, width) = (y.len(), lags.max_lag() as isize, lags.count());
    let (mut corrs, mut counts) = (vec![f64::NAN; n * width], vec![f64::INFINITY; n]);
    let at = |side: &[f64], row: isize| if row < 0 { f64::NAN } else { side[row as usize] };
    for k in -most..=most {
        let window = Window::rows(lags.window_size(), 3, Some(lags.window().min_samples())).unwrap();
        let mut pair = RollingPair::new(window, None, 1).unwrap();
        for row in 0..n {
            let s = row as isize;
            let (leader, asset) = if k <= 0 { (s + k, s) } else { (s, s - k) };
            pair.update(at(y, asset), at(x, leader), 0).unwrap();
            corrs[row * width + (k + most) as usize] = pair.corr();
            counts[row] = counts[row].min(pair.n());
        }
    }
    (corrs, counts)
}

fn check(name: &str, lags: &Lags, y: &[f64], x: &[f64]) {
    let (corrs, counts) = pairs(lags, y, x);
    let (n, width) = (y.len(), lags.count());
    let scans: Vec<Scan> = corrs.chunks(width).map(Scan::of).collect();
    for lanes in widths() {
        let mut matrix = vec![0.0; n * width];
        cross_correlation_with(lanes, lags, y, x, 1, &mut matrix).unwrap();
        assert_eq!(bits(&matrix), bits(&corrs), "{name}, {lags:?}, {lanes:?}");
        let mut out = vec![vec![0.0; n]; 4];
        let [lag, corr, llr, count] = &mut out[..] else { unreachable!() };
        lag_scan_with(lanes, lags, y, x, 1, [lag, corr, llr, count]).unwrap();
        let of = |part: fn(&Scan) -> f64| bits(&scans.iter().map(part).collect::<Vec<_>>());
        assert_eq!(bits(&out[0]), of(|scan| scan.lag), "{name}, {lags:?}, {lanes:?}");
        assert_eq!(bits(&out[1]), of(|scan| scan.corr), "{name}, {lags:?}, {lanes:?}");
        assert_eq!(bits(&out[2]), of(|scan| scan.llr), "{name}, {lags:?}, {lanes:?}");
        assert_eq!(bits(&out[3]), bits(&counts), "{name}, {lags:?}, {lanes:?}");
    }
    let mut scanner = LagScanner::new(*lags).unwrap();
    for row in 0..n {
        let (peeked, scan) = scanner.peek(y[row], x[row]);
        scanner.update(f64::NAN, 3.0);
        scanner.amend(y[row], x[row]).unwrap();
        let expected = bits(&corrs[row * width..][..width]);
        assert_eq!(bits(scanner.cross_correlation()), expected, "{name}, {lags:?}, row {row}");
        assert_eq!(bits(&peeked), expected, "{name}, {lags:?}, row {row}");
        assert_eq!(bits(&[scan.lag]), bits(&[scanner.scan().lag]));
        assert_eq!(scanner.n(), counts[row], "{name}, {lags:?}, row {row}");
        if row % 7 == 3 {
            let restored = LagScanner::from_bytes(&scanner.to_bytes()).unwrap();
            assert_eq!(restored.to_bytes(), scanner.to_bytes());
            scanner = restored;
        }
    }
}

#[test]
fn lanes_and_doors() {
    for (name, (y, x)) in hard(700) {
        for (size, max_lag, least) in
            [(3, 1, 3), (8, 10, 2), (30, 10, 30), (33, 2, 33), (64, 5, 20), (97, 3, 97), (200, 12, 5)]
        {
            check(name, &Lags::new(size, Some(least), max_lag).unwrap(), &y, &x);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_gaps_and_windows(
        seed in 0_u64..1 << 40,
        n in 1_usize..500,
        gaps in prop_oneof![Just(0_u64), 0_u64..20, 0_u64..700],
        size in 3_usize..90,
        max_lag in 1_usize..14,
    ) {
        let (y, x) = related(seed, n, gaps);
        check("any", &Lags::new(size, Some(2), max_lag).unwrap(), &y, &x);
    }
}

#[test]
fn threads_change_no_bit() {
    // More correlations than one thread is given, of many groups of blocks, with gaps in some.
    let (mut y, x) = related(11, 150_000, 0);
    y[70_000] = f64::NAN;
    let lags = Lags::new(30, Some(20), 10).unwrap();
    for lanes in widths() {
        let of = |threads: usize| {
            let mut matrix = vec![0.0; y.len() * lags.count()];
            cross_correlation_with(lanes, &lags, &y, &x, threads, &mut matrix).unwrap();
            let mut out = vec![vec![0.0; y.len()]; 4];
            let [lag, corr, llr, count] = &mut out[..] else { unreachable!() };
            lag_scan_with(lanes, &lags, &y, &x, threads, [lag, corr, llr, count]).unwrap();
            (bits(&matrix), out.concat().iter().map(|v| v.to_bits()).collect::<Vec<_>>())
        };
        let alone = of(1);
        for threads in [2, 3, 7] {
            assert!(of(threads) == alone, "{lanes:?}, {threads} threads");
        }
    }
}

#[test]
fn ties_go_to_the_smallest_lag_then_to_the_leader() {
    assert_eq!(Scan::of(&[0.5, 0.5, -0.5, 0.5, 0.5]).lag, 0.0);
    assert_eq!(Scan::of(&[0.5, 0.5, 0.1, -0.5, 0.5]).lag, -1.0);
    assert_eq!(Scan::of(&[0.5, 0.1, 0.1, -0.5, 0.5]).lag, 1.0);
    assert!(Scan::of(&[0.5, 0.1, f64::NAN, -0.5, 0.5]).lag.is_nan());
    assert!(Scan::of(&[0.5, 0.1, 0.2, -0.5, f64::NAN]).corr.is_nan());
    assert!(Scan::of(&[0.5, 0.1, 0.0, 0.0, 0.0]).llr.is_nan());
}

#[test]
fn a_planted_lag_is_found_with_its_sign() {
    let (noise, leader) = related(5, 400, 0);
    for shift in -5_isize..=5 {
        let asset: Vec<f64> = (0..400)
            .map(|t| {
                let from = t as isize + shift;
                let led = usize::try_from(from).ok().and_then(|at| leader.get(at)).unwrap_or(&f64::NAN);
                led + 0.1 * noise[t]
            })
            .collect();
        let mut scanner = LagScanner::new(Lags::new(120, None, 10).unwrap()).unwrap();
        for (&y, &x) in asset.iter().zip(&leader).take(390) {
            scanner.update(y, x);
        }
        assert_eq!(scanner.scan().lag, shift as f64);
    }
}

/// Prices whose simple returns are as good as the numbers given, NaN where one is not finite.
fn bar(returns: &[f64], prices: &mut [f64]) -> Vec<f64> {
    let bar = prices.iter_mut().zip(returns).map(|(price, value)| {
        *price *= 1.0 + if value.is_finite() { *value } else { 0.0 };
        if value.is_finite() { *price } else { f64::NAN }
    });
    bar.collect()
}

/// Every asset and leader of a panel at every lag against a scanner of their own.
fn check_panel(size: usize, max_lag: usize, bars: usize, gaps: u64, seed: u64) {
    let names = |range: core::ops::Range<usize>| range.map(|i| format!("C{i}")).collect::<Vec<_>>();
    let (assets, leaders) = (names(0..11), names(10..13));
    let least = size.min(3);
    let mut panel =
        Panel::new(assets.clone(), leaders.clone(), size, Some(least), Returns::Simple, max_lag).unwrap();
    let scanner = || LagScanner::new(Lags::new(size, Some(least), max_lag).unwrap()).unwrap();
    let mut scanners: Vec<LagScanner> = (0..assets.len() * leaders.len()).map(|_| scanner()).collect();
    let series: Vec<Vec<f64>> = (0..13).map(|i| related(seed + i, bars, gaps).0).collect();
    let mut prices = vec![100.0; 13];
    let mut before = vec![f64::NAN; 13];
    for row in 0..bars {
        let returns: Vec<f64> = series.iter().map(|side| side[row]).collect();
        let now = bar(&returns, &mut prices);
        let ts = row as i64;
        let peeked = panel.peek_cross_correlation(ts, &now).unwrap();
        panel.update(ts, &[f64::NAN; 13]).unwrap();
        panel.amend(ts, &now).unwrap();
        let moved = |at: usize| Returns::Simple.between(before[at], now[at]);
        let correlations = panel.cross_correlation();
        assert_eq!(bits(&peeked), bits(&correlations), "bar {row}");
        let scans = panel.scans(&correlations);
        for (place, scanner) in scanners.iter_mut().enumerate() {
            let (leader, asset) = (place / assets.len(), place % assets.len());
            scanner.update(moved(asset), moved(10 + leader));
            let lags = 2 * max_lag + 1;
            let found: Vec<f64> =
                (0..lags).map(|lag| correlations[(leader * lags + lag) * assets.len() + asset]).collect();
            assert_eq!(bits(&found), bits(scanner.cross_correlation()), "bar {row}, pair {place}");
            assert_eq!(bits(&[scans[place].lag]), bits(&[scanner.scan().lag]));
        }
        if row % 11 == 4 {
            let restored = Panel::from_bytes(&panel.to_bytes()).unwrap();
            assert_eq!(restored.to_bytes(), panel.to_bytes());
            panel = restored;
        }
        if row % 17 == 5 {
            panel.add_asset("late").unwrap();
            panel.remove_asset("late").unwrap();
        }
        before = now;
    }
    let tests = panel.lag_tests().unwrap();
    for (tests, scanner) in tests.iter().zip(&scanners) {
        let alone = scanner.tests();
        assert_eq!(bits(&[tests.p_value, tests.lead_p_value]), bits(&[alone.p_value, alone.lead_p_value]));
    }
}

#[test]
fn a_panel_has_the_bits_of_scanners() {
    for (size, max_lag, gaps) in [(3, 1, 0), (8, 10, 30), (30, 10, 5), (64, 3, 0), (70, 2, 200)] {
        check_panel(size, max_lag, 220, gaps, 3);
    }
}
