//! Pictures of the scale calculator: time and communication as bars, and the printed model beside GPT-3.

use std::fmt::Write;

use super::scale::span;
use crate::lab::Printed;
use crate::lab::scale::{Job, REFERENCE_MODELS, ReferenceModel, SECONDS_PER_DAY, SECONDS_PER_YEAR};
use crate::view::format;
use crate::view::texts::Locale;
use crate::view::texts::lab::scale::{ScaleTexts, texts};

/// Width of a picture in its own units, where there is room.
pub const WIDTH: u32 = 600;
/// Height of a bar with its label.
const ROW: f64 = 40.0;
/// Room below for the marks of the axis.
const FOOT: f64 = 18.0;

/// Marks of the logarithmic axis: seconds, English, Chinese.
const MARKS: [(f64, &str, &str); 10] = [
    (1e-6, "1 µs", "1 微秒"),
    (1e-3, "1 ms", "1 毫秒"),
    (1.0, "1 s", "1 秒"),
    (60.0, "1 min", "1 分"),
    (3_600.0, "1 h", "1 小时"),
    (SECONDS_PER_DAY, "1 day", "1 天"),
    (SECONDS_PER_YEAR, "1 year", "1 年"),
    (1e3 * SECONDS_PER_YEAR, "10³ years", "10³ 年"),
    (1e6 * SECONDS_PER_YEAR, "10⁶ years", "10⁶ 年"),
    (1e9 * SECONDS_PER_YEAR, "10⁹ years", "10⁹ 年"),
];

/// Marks stand at least this far apart.
const APART: f64 = 56.0;

fn open(width: u32, height: f64, label: &str) -> String {
    format!(
        "<svg class=\"lab-bar\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">",
        label.replace('&', "&amp;").replace('"', "&quot;")
    )
}

/// How long the training takes on one device, on all of them, and on the device that was measured here, where its
/// FLOP/s are known; `width` units wide. Nothing where the job makes no sense.
pub fn time_bars(job: &Job, measured: Option<f64>, width: u32, locale: Locale) -> String {
    let Ok(estimate) = job.estimate() else {
        return String::new();
    };
    let text = texts(locale);
    let mut rows = vec![(
        text.one_device.to_string(),
        job.devices * estimate.seconds,
        "is-forward",
    )];
    if job.devices > 1.0 {
        let devices = (text.all_devices)(&format::significant(job.devices, 4));
        rows.push((devices, estimate.seconds, "is-backward"));
    }
    if let Some(speed) = measured {
        let here = text.this_device.to_string();
        rows.push((here, estimate.flops / speed, "is-update"));
    }
    let seconds = rows.iter().map(|(_, seconds, _)| *seconds);
    let (least, most) = seconds.fold((f64::INFINITY, 0.0f64), |(least, most), seconds| {
        (least.min(seconds), most.max(seconds))
    });
    // A tenth of the shortest, so that its bar can be seen.
    let start = libm::log10(least) - 1.0;
    let decades = (libm::log10(most) - start).max(1.0);
    let whole = f64::from(width);
    let at = |seconds: f64| whole * (libm::log10(seconds) - start) / decades;
    let height = ROW * rows.len() as f64 + FOOT;
    let mut svg = open(width, height, text.time_title);
    let mut last = f64::NEG_INFINITY;
    for (seconds, english, chinese) in MARKS {
        let x = at(seconds);
        if !(0.0..whole - 0.5 * APART).contains(&x) || x - last < APART {
            continue;
        }
        last = x;
        let name = match locale {
            Locale::English => english,
            Locale::Chinese => chinese,
        };
        let _ = write!(
            svg,
            "<path class=\"lab-grid\" d=\"M{x:.1} 0V{:.1}\"/><text class=\"lab-mark-text\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
            height - FOOT,
            x + 2.0,
            height - 5.0
        );
    }
    for (number, (name, seconds, class)) in rows.iter().enumerate() {
        let top = ROW * number as f64;
        let _ = write!(
            svg,
            "<text class=\"lab-mark-text\" x=\"2\" y=\"{:.1}\">{name}{}{}</text>\
             <rect class=\"lab-part {class}\" x=\"0\" y=\"{:.1}\" width=\"{:.1}\" height=\"16\"/>",
            top + 14.0,
            locale.colon(),
            span(*seconds, locale),
            top + 19.0,
            at(*seconds)
        );
    }
    svg + "</svg>"
}

/// One ring all-reduce in its two parts: bytes over bandwidth, and messages times latency; `width` units wide. Or why
/// there is none.
pub fn ring_bar(job: &Job, width: u32, locale: Locale) -> String {
    let text = texts(locale);
    let estimate = job.estimate().ok();
    let whole = estimate.as_ref().and_then(|estimate| estimate.all_reduce);
    let Some(whole) = whole.filter(|&seconds| seconds > 0.0) else {
        return format!("<p class=\"panel-note\">{}</p>", text.ring_none);
    };
    let latency = 2.0 * (job.devices - 1.0) * job.latency;
    let parts = [
        (text.ring_bytes, whole - latency, "is-forward"),
        (text.ring_latency, latency, "is-backward"),
    ];
    let mut svg = open(width, 44.0, text.ring_title);
    let mut legend = String::from("<ul class=\"legend\">");
    let mut start = 0.0;
    for (name, seconds, class) in parts {
        let width = f64::from(width) * seconds / whole;
        let _ = write!(
            svg,
            "<rect class=\"lab-part {class}\" x=\"{start:.1}\" y=\"4\" width=\"{width:.1}\" height=\"36\"/>"
        );
        let _ = write!(
            legend,
            "<li class=\"legend-item {class}\">{name}{}{}{}</li>",
            locale.colon(),
            span(seconds, locale),
            locale.in_brackets(&format::percent(seconds / whole, 0))
        );
        start += width;
    }
    svg + "</svg>" + &legend + "</ul>"
}

fn gpt_3() -> &'static ReferenceModel {
    let mut models = REFERENCE_MODELS.iter();
    let found = models.find(|model| model.name == "gpt-3");
    found.expect("it is among the published ones")
}

/// Whether what was counted could be GPT-3: as many parameters, but for a tenth, and attention.
pub fn is_gpt_3(printed: &Printed) -> bool {
    let ratio = printed.parameters as f64 / gpt_3().parameters;
    (0.9..1.1).contains(&ratio) && printed.attention_layers > 0
}

/// A table of the printed model beside GPT-3, and what it says.
pub fn compared(printed: &Printed, text: &ScaleTexts) -> (String, String) {
    let published = gpt_3();
    let mut html = format!(
        "<table class=\"lab-table\"><thead><tr><td></td><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>",
        text.x13_printed, text.x13_published
    );
    let mut row = |name: &str, key: &str, printed: u64, published: String| {
        let _ = write!(
            html,
            "<tr><th scope=\"row\">{name}</th><td class=\"numeric\" data-testid=\"x13-{key}\" data-value=\"{printed}\">{}</td><td class=\"numeric\">{published}</td></tr>",
            format::count(printed)
        );
    };
    for (name, parameters) in &printed.layers {
        row(name, &name.to_lowercase(), *parameters, "–".into());
    }
    let parameters = format::count(published.parameters as u64);
    row(
        text.x13_parameters,
        "parameters",
        printed.parameters,
        parameters,
    );
    row(
        text.x13_attention,
        "attention",
        printed.attention_layers,
        format::count(published.layers as u64),
    );
    html.push_str("</tbody></table>");
    let times = published.parameters / printed.parameters as f64;
    let told = (text.x13_verdict)(
        &format::count(printed.parameters),
        &format::significant(times, 3),
        &format::count(printed.parameters_with_one_bias),
    );
    (html, told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::printed;
    use crate::view::lab::scale::Form;
    use std::collections::BTreeMap;

    fn job(settings: &[(&str, &str)]) -> Job {
        let settings = settings.iter();
        let settings: BTreeMap<String, String> = settings
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect();
        Form::read(&settings, None, None).job().unwrap()
    }

    /// Widths of the bars.
    fn widths(svg: &str) -> Vec<f64> {
        let bars = svg.split("<rect").skip(1);
        bars.map(|bar| {
            let from = bar.find("width=\"").unwrap() + 7;
            let rest = &bar[from..];
            rest[..rest.find('"').unwrap()].parse().unwrap()
        })
        .collect()
    }

    #[test]
    fn a_bar_of_time_grows_by_as_much_for_every_factor_of_ten() {
        // One device takes 1,000 times as long as 1,000, this one 10⁷ times as long as they.
        let job = job(&[("devices", "1000")]);
        let estimate = job.estimate().unwrap();
        let here = estimate.flops / (1e7 * estimate.seconds);
        let svg = time_bars(&job, Some(here), WIDTH, Locale::English);
        // From a tenth of the shortest to the longest are eight decades.
        let expected = [4.0, 1.0, 8.0].map(|decades| f64::from(WIDTH) * decades / 8.0);
        for (width, expected) in widths(&svg).into_iter().zip(expected) {
            assert!((width - expected).abs() < 0.11, "{width} {expected}");
        }
        assert!(
            svg.contains("one device: ") && svg.contains("1,000 devices: "),
            "{svg}"
        );
        assert!(svg.contains("1 year<") && !svg.contains("style="));
        let chinese = time_bars(&job, None, WIDTH, Locale::Chinese);
        assert_eq!(widths(&chinese).len(), 2);
        assert!(chinese.contains("一台设备："), "{chinese}");
        // One device that is not measured: one bar.
        let alone = Job {
            devices: 1.0,
            ..job
        };
        assert_eq!(
            widths(&time_bars(&alone, None, WIDTH, Locale::English)).len(),
            1
        );
    }

    #[test]
    fn the_all_reduce_is_cut_into_bytes_and_latency() {
        let many = job(&[
            ("parameters", "1e9"),
            ("devices", "8"),
            ("bandwidth", "1e9"),
            ("latency", "0.25"),
        ]);
        // 7/4 of 2·10⁹ bytes in 3.5 s, and 14 messages of 0.25 s: halves.
        let svg = ring_bar(&many, WIDTH, Locale::English);
        let half = f64::from(WIDTH) / 2.0;
        assert_eq!(widths(&svg), [half, half]);
        assert_eq!(svg.matches(" (50%)").count(), 2, "{svg}");
        let one = Job {
            devices: 1.0,
            ..many
        };
        assert!(ring_bar(&one, WIDTH, Locale::English).starts_with("<p"));
    }

    #[test]
    fn the_printed_model_is_told_from_gpt_3_by_what_was_counted() {
        let printed = printed().unwrap();
        assert!(!is_gpt_3(&printed));
        let (html, told) = compared(&printed, texts(Locale::English));
        assert!(html.contains("data-testid=\"x13-parameters\" data-value=\"4047632\""));
        assert!(html.contains("175,000,000,000") && html.contains(">96<"));
        assert!(
            told.contains("43,200 times") && told.contains("4,047,120"),
            "{told}"
        );
        // What would be it.
        let real = Printed {
            parameters: 174_600_000_000,
            attention_layers: 96,
            ..printed.clone()
        };
        assert!(is_gpt_3(&real));
        for wrong in [
            Printed {
                attention_layers: 0,
                ..real.clone()
            },
            Printed {
                parameters: printed.parameters,
                ..real
            },
        ] {
            assert!(!is_gpt_3(&wrong));
        }
    }
}
