//! Every estimator straight from its definition, slow and plain: the judge in tests.
//!
//! A window is gathered anew for each row, its means are taken, and the products of the deviations are summed. The
//! deviations are taken from the window's first complete row, which changes no definition and keeps the digits of a
//! high level.

/// The complete rows of a window, shifted by the first of them.
fn complete<const D: usize>(
    series: [&[f64]; D],
    rows: impl Iterator<Item = usize>,
) -> ([f64; D], Vec<[f64; D]>) {
    let all: Vec<[f64; D]> =
        rows.map(|t| series.map(|s| s[t])).filter(|row| row.iter().all(|v| v.is_finite())).collect();
    let shift = all.first().copied().unwrap_or([0.0; D]);
    (shift, all.iter().map(|row| core::array::from_fn(|i| row[i] - shift[i])).collect())
}

/// Rows of the window of `size` rows that ends at `t`.
pub fn rows_of(size: usize, t: usize) -> impl Iterator<Item = usize> {
    (t + 1).saturating_sub(size)..=t
}

/// Rows of the window of `span` that ends at row `t`: times in (t - span, t], and no row after `t`.
pub fn rows_of_span(times: &[i64], span: i64, t: usize) -> impl Iterator<Item = usize> {
    (0..=t).filter(move |&row| times[row] > times[t] - span)
}

/// Centred moments of a window: n, means, and the matrix of products.
#[derive(Clone, Debug)]
pub struct Centred<const D: usize> {
    /// Complete rows.
    pub n: usize,
    /// Means.
    pub mean: [f64; D],
    /// S_ij.
    pub products: [[f64; D]; D],
}

/// Moments of the complete rows among `rows`.
pub fn centred<const D: usize>(series: [&[f64]; D], rows: impl Iterator<Item = usize>) -> Centred<D> {
    let (shift, rows) = complete(series, rows);
    let n = rows.len();
    let count = n.max(1) as f64;
    let mean: [f64; D] = core::array::from_fn(|i| rows.iter().map(|row| row[i]).sum::<f64>() / count);
    let product =
        |i: usize, j: usize| rows.iter().map(|row| (row[i] - mean[i]) * (row[j] - mean[j])).sum::<f64>();
    Centred {
        n,
        mean: core::array::from_fn(|i| shift[i] + mean[i]),
        products: core::array::from_fn(|i| core::array::from_fn(|j| product(i, j))),
    }
}

impl Centred<2> {
    /// Sxy / Sxx
    pub fn beta(&self) -> f64 {
        self.products[0][1] / self.products[1][1]
    }

    /// Sxy / sqrt(Sxx Syy)
    pub fn corr(&self) -> f64 {
        self.products[0][1] / (self.products[0][0].sqrt() * self.products[1][1].sqrt())
    }

    /// Sxy / (n - ddof)
    pub fn cov(&self, ddof: usize) -> f64 {
        self.products[0][1] / (self.n - ddof) as f64
    }

    /// mean(y) - beta mean(x)
    pub fn alpha(&self) -> f64 {
        self.mean[0] - self.beta() * self.mean[1]
    }
}

/// Residual standard deviation of the line through the complete rows among `rows`, from the residuals themselves.
pub fn residual_std(asset: &[f64], benchmark: &[f64], rows: impl Iterator<Item = usize> + Clone) -> f64 {
    let line = centred([asset, benchmark], rows.clone());
    let (_, rows) = complete([asset, benchmark], rows);
    let mean = |i: usize| rows.iter().map(|row| row[i]).sum::<f64>() / line.n as f64;
    let (my, mx) = (mean(0), mean(1));
    let squares = rows.iter().map(|[y, x]| {
        let residual = (y - my) - line.beta() * (x - mx);
        residual * residual
    });
    (squares.sum::<f64>() / (line.n as f64 - 2.0)).sqrt()
}

/// Exponentially weighted beta, correlation and corrected covariance of the rows up to `t`.
pub fn ewm(asset: &[f64], benchmark: &[f64], half_life: f64, t: usize) -> [f64; 3] {
    let rows: Vec<(f64, f64, f64)> = (0..=t)
        .filter(|&i| asset[i].is_finite() && benchmark[i].is_finite())
        .map(|i| ((-((t - i) as f64) / half_life).exp2(), asset[i], benchmark[i]))
        .collect();
    let weight: f64 = rows.iter().map(|row| row.0).sum();
    // W^2 - sum of w^2, as a sum of terms above 0.
    let pairs: f64 = (0..rows.len())
        .flat_map(|i| (0..i).map(move |j| (i, j)))
        .map(|(i, j)| 2.0 * rows[i].0 * rows[j].0)
        .sum();
    let my = rows.iter().map(|row| row.0 * row.1).sum::<f64>() / weight;
    let mx = rows.iter().map(|row| row.0 * row.2).sum::<f64>() / weight;
    let sxy: f64 = rows.iter().map(|row| row.0 * (row.1 - my) * (row.2 - mx)).sum();
    let sxx: f64 = rows.iter().map(|row| row.0 * (row.2 - mx) * (row.2 - mx)).sum();
    let syy: f64 = rows.iter().map(|row| row.0 * (row.1 - my) * (row.1 - my)).sum();
    [sxy / sxx, sxy / (sxx * syy).sqrt(), sxy * weight / pairs]
}

/// Coefficients of y on its leaders with an intercept, by Gaussian elimination with pivoting of the normal equations.
pub fn joint<const D: usize>(moments: &Centred<D>) -> Vec<f64> {
    let k = D - 1;
    let mut rows: Vec<Vec<f64>> =
        (1..D).map(|i| (1..D).chain([0]).map(|j| moments.products[i][j]).collect()).collect();
    for step in 0..k {
        let pivot =
            (step..k).max_by(|&a, &b| rows[a][step].abs().total_cmp(&rows[b][step].abs())).unwrap_or(step);
        rows.swap(step, pivot);
        let upper = rows[step].clone();
        for row in &mut rows[step + 1..] {
            let factor = row[step] / upper[step];
            for (value, above) in row.iter_mut().zip(&upper) {
                *value -= factor * above;
            }
        }
    }
    let mut betas = vec![0.0; k];
    for i in (0..k).rev() {
        let known: f64 = (i + 1..k).map(|j| rows[i][j] * betas[j]).sum();
        betas[i] = (rows[i][k] - known) / rows[i][i];
    }
    betas
}
