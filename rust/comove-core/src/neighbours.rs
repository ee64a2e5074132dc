//! The nearest of some past rows of features.
//!
//! All distances are computed: of a few thousand rows of ten features that takes less than to walk a tree. The sum of
//! squares runs over the features in their order, none of its steps fused, and of equal distances the row that comes
//! first is nearer, so that the answer depends on the numbers alone.

use crate::error::Result;
use crate::lanes::{F, Lanes, Width, Work};

/// Vectors of sums that are kept in registers while the features pass.
const SIDE_BY_SIDE: usize = 4;

/// The nearest rows of each question, the nearest first: squared distances and places, `neighbours` of each.
///
/// # Arguments
/// `library` has a column a feature, one after another, of `rows` numbers each; `questions` has a row a question, one
/// after another, of as many numbers as there are features. All are finite.
///
/// # Errors
/// [`crate::Error::Lanes`] where `COMOVE_LANES` is no width of this processor.
///
/// # Panics
/// Where the lengths do not fit, or `neighbours` is more than `rows`; the caller has checked both.
///
/// # Complexity
/// questions * rows * features products, and about neighbours * ln(rows / neighbours) moves of up to `neighbours`
/// numbers a question.
pub fn nearest(
    library: &[f64],
    rows: usize,
    questions: &[f64],
    neighbours: usize,
) -> Result<(Vec<f64>, Vec<i64>)> {
    Ok(nearest_with(Lanes::from_environment()?, library, rows, questions, neighbours))
}

fn nearest_with(
    lanes: Lanes,
    library: &[f64],
    rows: usize,
    questions: &[f64],
    neighbours: usize,
) -> (Vec<f64>, Vec<i64>) {
    assert!(neighbours <= rows, "more neighbours than rows");
    let features = library.len() / rows.max(1);
    assert!(library.len() == features * rows, "a column is cut");
    let (mut distances, mut places) = (Vec::new(), Vec::new());
    let mut best =
        Best { most: neighbours, held: Vec::with_capacity(neighbours + 1), farthest: f64::INFINITY };
    for question in questions.chunks_exact(features.max(1)) {
        best.held.clear();
        best.farthest = f64::INFINITY;
        lanes.run(Search { library, rows, question, best: &mut best });
        distances.extend(best.held.iter().map(|&(square, _)| square));
        places.extend(best.held.iter().map(|&(_, place)| i64::try_from(place).unwrap_or(i64::MAX)));
    }
    (distances, places)
}

/// The nearest rows so far, the nearest first.
struct Best {
    most: usize,
    held: Vec<(f64, usize)>,
    /// The square of the last one where there are enough: only less is nearer, for of equals the first is there already.
    farthest: f64,
}

impl Best {
    fn take(&mut self, square: f64, place: usize) {
        if !(square < self.farthest || self.held.len() < self.most) {
            return;
        }
        if self.held.len() == self.most {
            self.held.pop();
        }
        let at = self.held.partition_point(|&(other, _)| other <= square);
        self.held.insert(at, (square, place));
        if self.held.len() == self.most {
            self.farthest = self.held.last().map_or(f64::NEG_INFINITY, |&(square, _)| square);
        }
    }
}

struct Search<'a> {
    library: &'a [f64],
    rows: usize,
    question: &'a [f64],
    best: &'a mut Best,
}

impl Work for Search<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Width>(self, simd: S) {
        let Self { library, rows, question, best } = self;
        let block = SIDE_BY_SIDE * S::F64_LANES;
        let mut first = 0;
        while first + block <= rows {
            let mut sums = [F::splat(simd, 0.0); SIDE_BY_SIDE];
            for (column, &asked) in library.chunks_exact(rows).zip(question) {
                let asked = F::splat(simd, asked);
                let column = &column[first..first + block];
                for (sum, values) in sums.iter_mut().zip(column.chunks_exact(S::F64_LANES)) {
                    let apart = F::load(simd, values) - asked;
                    *sum = *sum + apart * apart;
                }
            }
            // Most blocks have none that is near.
            let farthest = F::splat(simd, best.farthest);
            let near = sums[0]
                .lt(farthest)
                .or(sums[1].lt(farthest))
                .or(sums[2].lt(farthest).or(sums[3].lt(farthest)));
            if near.any() || best.held.len() < best.most {
                for (vector, sum) in sums.iter().enumerate() {
                    for lane in 0..S::F64_LANES {
                        best.take(sum.lane(lane), first + vector * S::F64_LANES + lane);
                    }
                }
            }
            first += block;
        }
        for place in first..rows {
            let square = library.chunks_exact(rows).zip(question).fold(0.0, |sum, (column, &asked)| {
                let apart = column[place] - asked;
                sum + apart * apart
            });
            best.take(square, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{nearest, nearest_with};
    use crate::lanes::Lanes;

    fn plain(library: &[f64], rows: usize, question: &[f64], neighbours: usize) -> (Vec<f64>, Vec<i64>) {
        let mut all: Vec<(f64, i64)> = (0..rows)
            .map(|row| {
                let square = question.iter().enumerate().map(|(feature, &asked)| {
                    let apart = library[feature * rows + row] - asked;
                    apart * apart
                });
                (square.fold(0.0, |sum, each| sum + each), i64::try_from(row).unwrap_or(-1))
            })
            .collect();
        all.sort_by(|one, other| one.0.total_cmp(&other.0));
        all.truncate(neighbours);
        all.into_iter().unzip()
    }

    #[test]
    fn the_same_as_all_distances_sorted_with_ties_in_the_order_of_rows() {
        for rows in [1_usize, 7, 8, 9, 64, 101] {
            // Whole numbers of few values, so that many distances are equal.
            let library: Vec<f64> = (0..3 * rows).map(|at| ((at * 7919) % 5) as f64).collect();
            let questions = [1.0, 2.0, 3.0, 0.0, 4.0, 1.5];
            let widths = [1, 2, 4, 8].into_iter().filter_map(|width| Lanes::with_width(width).ok());
            for (lanes, neighbours) in
                widths.flat_map(|lanes| [1, rows.div_ceil(3), rows].map(|neighbours| (lanes, neighbours)))
            {
                let (distances, places) = nearest_with(lanes, &library, rows, &questions, neighbours);
                for (at, question) in questions.chunks_exact(3).enumerate() {
                    let (squares, order) = plain(&library, rows, question, neighbours);
                    let own = at * neighbours..(at + 1) * neighbours;
                    assert_eq!(distances[own.clone()], squares, "{rows} rows");
                    assert_eq!(places[own], order, "{rows} rows");
                }
            }
        }
    }

    #[test]
    fn no_questions_have_no_neighbours() {
        assert_eq!(nearest(&[1.0, 2.0], 2, &[], 1), Ok((vec![], vec![])));
    }
}
