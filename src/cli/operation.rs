//! `glassbox op`: single operations as JSON, one request a line, one answer a line.

use super::CliError;
use super::arguments::{OpArguments, Precision};
use super::lines::Line;
use crate::exec::gpu::GpuDevice;
use crate::exec::request::{Answer, Request};
use crate::exec::single::SingleError;
use crate::session::DevicePreference;
use pollster::block_on;
use std::fs::File;
use std::io::{BufRead, BufReader};

pub fn run(arguments: &OpArguments) -> Result<(), CliError> {
    let gpu = match (arguments.device, arguments.precision) {
        (DevicePreference::Gpu, Precision::F64) => {
            return Err(CliError::Usage(
                "the GPU computes in f32; --precision f64 needs --device cpu".into(),
            ));
        }
        (DevicePreference::Gpu, Precision::F32) => Some(block_on(GpuDevice::request())?),
        _ => None,
    };
    let (source, lines): (String, Box<dyn BufRead>) = match &arguments.file {
        Some(path) => {
            let file = File::open(path).map_err(|error| CliError::file(path, error))?;
            (path.display().to_string(), Box::new(BufReader::new(file)))
        }
        None => ("stdin".into(), Box::new(std::io::stdin().lock())),
    };
    let (mut asked, mut failed) = (0, 0);
    for (number, line) in (1u64..).zip(lines.lines()) {
        let line = line.map_err(|error| CliError::File {
            path: source.clone(),
            message: error.to_string(),
        })?;
        if line.trim().is_empty() {
            continue;
        }
        asked += 1;
        let request = serde_json::from_str::<Request>(&line);
        let name = request.as_ref().ok().and_then(|r| r.name.clone());
        let outcome = match request {
            Err(error) => Err(format!("line {number} is no request: {error}")),
            Ok(request) => answer(&request, arguments.precision, gpu.as_ref())
                .map_err(|error| error.to_string()),
        };
        match outcome {
            Ok(answer) => Line::Answer(answer).print()?,
            Err(message) => {
                failed += 1;
                Line::Refused {
                    line: number,
                    name,
                    message,
                }
                .print()?;
            }
        }
    }
    match (asked, failed) {
        (0, _) => Err(CliError::Usage(format!("{source} holds no request"))),
        (_, 0) => Ok(()),
        _ => Err(CliError::Check(format!(
            "{failed} of {asked} requests were refused"
        ))),
    }
}

fn answer(
    request: &Request,
    precision: Precision,
    gpu: Option<&GpuDevice>,
) -> Result<Answer, SingleError> {
    match (gpu, precision) {
        (Some(gpu), _) => block_on(request.run_on_gpu(gpu)),
        (None, Precision::F32) => request.run::<f32>(),
        (None, Precision::F64) => request.run::<f64>(),
    }
}
