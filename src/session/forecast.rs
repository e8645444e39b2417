//! What a network says of the held-out part of a series.

use serde::{Deserialize, Serialize};

/// The held-out part of a series and two forecasts of it, all in the series' own units.
///
/// Mean squared errors are means over as many numbers as the forecast has; `repeat_*` are those of repeating the last
/// number that is known, over the same numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// The window before the first held-out number.
    pub before: Vec<f32>,
    /// The held-out numbers.
    pub truth: Vec<f32>,
    /// Every held-out number from the true ones before it.
    pub one_step: Vec<f32>,
    /// The first held-out numbers from `before` alone: each forecast is part of the input of the next.
    pub free_run: Vec<f32>,
    pub one_step_mse: f32,
    /// Of saying of every number that it equals the one before it.
    pub repeat_mse: f32,
    pub free_run_mse: f32,
    /// Of saying of all numbers of the free run that they equal the last one of `before`.
    pub repeat_free_run_mse: f32,
    /// Variance of the noise in the series, which no forecast of the next number comes below; where it is known.
    pub noise_variance: Option<f32>,
}

impl Forecast {
    /// Measures forecasts of `truth`; `before` is not empty.
    pub(super) fn new(
        before: Vec<f32>,
        truth: Vec<f32>,
        one_step: Vec<f32>,
        free_run: Vec<f32>,
        noise_variance: Option<f32>,
    ) -> Self {
        let last = before.last().copied().unwrap_or(f32::NAN);
        let repeated: Vec<f32> = std::iter::once(last).chain(truth.iter().copied()).collect();
        Self {
            one_step_mse: mean_squared_error(&one_step, &truth),
            repeat_mse: mean_squared_error(&repeated[..truth.len()], &truth),
            free_run_mse: mean_squared_error(&free_run, &truth),
            repeat_free_run_mse: mean_squared_error(&vec![last; free_run.len()], &truth),
            before,
            truth,
            one_step,
            free_run,
            noise_variance,
        }
    }
}

/// Over the numbers that are forecast.
fn mean_squared_error(forecast: &[f32], truth: &[f32]) -> f32 {
    let squares = forecast
        .iter()
        .zip(truth)
        .map(|(forecast, truth)| (f64::from(*forecast) - f64::from(*truth)).powi(2));
    (squares.sum::<f64>() / forecast.len().max(1) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_means_over_the_numbers_of_each_forecast() {
        let forecast = Forecast::new(
            vec![5.0, 1.0],
            vec![2.0, 4.0, 8.0],
            vec![2.0, 4.0, 5.0],
            vec![3.0, 6.0],
            None,
        );
        assert_eq!(forecast.one_step_mse, 3.0);
        // 1 for 2, 2 for 4, 4 for 8.
        assert_eq!(forecast.repeat_mse, (1.0 + 4.0 + 16.0) / 3.0);
        assert_eq!(forecast.free_run_mse, (1.0 + 4.0) / 2.0);
        assert_eq!(forecast.repeat_free_run_mse, (1.0 + 9.0) / 2.0);
    }

    #[test]
    fn what_is_no_number_is_no_error_of_zero() {
        let forecast = Forecast::new(vec![0.0], vec![1.0], vec![f32::NAN], vec![1.0], None);
        assert!(forecast.one_step_mse.is_nan());
        assert_eq!(forecast.free_run_mse, 0.0);
    }
}
