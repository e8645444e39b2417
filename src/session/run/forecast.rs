//! Forecasts of the held-out part of a series, one step ahead and running free.

use super::{Emit, Run};
use crate::data::{TableSet, Targets};
use crate::models::PresetData;
use crate::platform::now_millis;
use crate::session::{Event, Forecast, SessionError};

/// A free run under way, through the same plan that trains. All numbers as the network reads and gives them.
pub(super) struct Forecasting {
    step: u64,
    /// For every held-out number.
    one_step: Vec<f32>,
    /// What the network reads next.
    window: Vec<f32>,
    free_run: Vec<f32>,
}

impl Run {
    /// Forecasts from now on, `free_run` numbers of a free run; 0 ends it.
    pub(super) fn watch_forecast(&mut self, free_run: u32) -> Result<(), SessionError> {
        if !self.preset.data.is_series() {
            return Err(SessionError::NoSeries {
                preset: self.preset.id,
            });
        }
        self.watched_free_run = free_run;
        Ok(())
    }

    /// After an evaluation that gave `one_step`: begins a free run where one is watched.
    pub(super) fn begin_forecast(&mut self, step: u64, one_step: Vec<f32>) {
        let samples = self.samples.as_ref().and_then(|samples| samples.table());
        let Some(table) = samples.filter(|_| self.watched_free_run > 0) else {
            return;
        };
        let standard = &table.standardization;
        let columns = standard.mean.iter().zip(&standard.deviation);
        let window = table.test.row(0).iter().zip(columns);
        self.forecasting = Some(Forecasting {
            step,
            one_step,
            window: window
                .map(|(value, (mean, deviation))| (value - mean) / deviation)
                .collect(),
            free_run: Vec::new(),
        });
    }

    /// Goes on with the free run until `deadline`, and tells the forecasts at its end.
    pub(super) async fn advance_forecast(
        &mut self,
        deadline: f64,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        let Some(mut forecasting) = self.forecasting.take() else {
            return Ok(());
        };
        let samples = self.samples.clone();
        let Some(table) = samples.as_ref().and_then(|samples| samples.table()) else {
            return Ok(());
        };
        let wanted = self.watched_free_run.min(table.test.count()) as usize;
        while forecasting.free_run.len() < wanted {
            let said = self.infer(&forecasting.window).await?;
            forecasting.free_run.extend_from_slice(&said[..1]);
            // Columns and target of a series are standardised alike.
            forecasting.window.remove(0);
            forecasting.window.push(said[0]);
            if now_millis() > deadline && forecasting.free_run.len() < wanted {
                self.forecasting = Some(forecasting);
                return Ok(());
            }
        }
        emit(Event::Forecast {
            run: self.id,
            step: forecasting.step,
            forecast: self.forecast(table, &forecasting),
        });
        Ok(())
    }

    fn forecast(&self, table: &TableSet, made: &Forecasting) -> Forecast {
        let standard = &table.target_standardization;
        let in_units = |values: &[f32]| -> Vec<f32> {
            let values = values.iter();
            values
                .map(|value| value * standard.deviation[0] + standard.mean[0])
                .collect()
        };
        let Targets::Numbers(truth) = table.test.targets() else {
            unreachable!("the number behind a window is a number")
        };
        let noise_variance = match self.preset.data {
            PresetData::Series(source) => Some((source.noise * source.noise) as f32),
            _ => None,
        };
        Forecast::new(
            table.test.row(0).to_vec(),
            truth.clone(),
            in_units(&made.one_step),
            in_units(&made.free_run),
            noise_variance,
        )
    }
}
