//! An explanation's Markdown as HTML that a page may show: no HTML of its own, links to concepts and pages alone,
//! formulas as MathML.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};
use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::{Parser as LatexParser, Storage, push_mathml};

/// What a link to a concept begins with.
const CONCEPT: &str = "concept:";

/// The HTML of a text. `href` gives the address of a concept, or of a page of the site that begins with `/`.
///
/// # Errors
/// Each mistake with the byte of the text where it is.
pub fn to_html(
    markdown: &str,
    href: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Vec<(usize, String)>> {
    let options = Options::ENABLE_MATH;
    let mut mistakes = Vec::new();
    let mut events = Vec::new();
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        let at = range.start;
        match event {
            Event::Html(_) | Event::InlineHtml(_) => {
                mistakes.push((at, "HTML is not allowed in a text".to_string()));
            }
            Event::Text(text) if text.contains('$') => {
                // Formulas have been taken out by now: this one does not end, or its braces do not match.
                mistakes.push((at, format!("a $ that begins no formula: {text}")));
            }
            Event::InlineMath(latex) => events.push(math(&latex, false, at, &mut mistakes)),
            Event::DisplayMath(latex) => events.push(math(&latex, true, at, &mut mistakes)),
            Event::Start(Tag::Heading { .. }) => {
                let message = "a heading; a step or a concept has one of its own";
                mistakes.push((at, message.to_string()));
            }
            Event::Start(Tag::Image { .. }) => {
                mistakes.push((
                    at,
                    "a picture; every picture is computed by the page".to_string(),
                ));
            }
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }) => {
                let target = dest_url.strip_prefix(CONCEPT);
                let is_page = dest_url.starts_with('/') && !dest_url.starts_with("//");
                let address = match target {
                    Some(concept) => href(concept),
                    None if is_page => href(&dest_url),
                    None => None,
                };
                let dest_url: CowStr = match address {
                    Some(address) => address.into(),
                    None => {
                        let message = format!(
                            "a link to {dest_url}; expected {CONCEPT}<id of a concept> or a page such as /train/rnn-sine"
                        );
                        mistakes.push((at, message));
                        "#".into()
                    }
                };
                events.push(Event::Start(Tag::Link {
                    link_type,
                    dest_url,
                    title,
                    id,
                }));
            }
            other => events.push(other),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut html = String::new();
    html::push_html(&mut html, events.into_iter());
    Ok(html)
}

/// A formula as MathML.
fn math<'a>(
    latex: &str,
    is_display: bool,
    at: usize,
    mistakes: &mut Vec<(usize, String)>,
) -> Event<'a> {
    let storage = Storage::new();
    let config = RenderConfig {
        display_mode: match is_display {
            true => DisplayMode::Block,
            false => DisplayMode::Inline,
        },
        ..RenderConfig::default()
    };
    let mut mathml = String::new();
    // The renderer puts an error into the picture; a mistake is told instead.
    let mut failed = None;
    let parser = LatexParser::new(latex, &storage).inspect(|event| {
        if let Err(error) = event {
            failed.get_or_insert(error.to_string());
        }
    });
    let written = push_mathml(&mut mathml, parser, config);
    if let Some(message) = failed.or(written.err().map(|error| error.to_string())) {
        mistakes.push((at, format!("the formula {latex}: {message}")));
    }
    Event::InlineHtml(mathml.into())
}
