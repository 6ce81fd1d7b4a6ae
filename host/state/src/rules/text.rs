//! The texts of causes and recipes, filled in.
//!
//! A text has placeholders in braces: `{object}`, `{element}`, `{key}`, `{lease}` and `{worker}`
//! stand for what a conflict was about, a setting such as `{staleness}` for that of the object
//! with the parameter that sets it, and a lever such as `{raise staleness}` for advice, with the
//! parameter, its value and another value to try.

use std::fmt::Write;

use nfos_records::ParameterAdvice;

use super::Cause;

/// What of a structure a parameter sets; `types.setting` of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setting {
    /// For how many elements, keys or ids there is room.
    Capacity,
    /// For how long leases or entries are valid.
    Duration,
    /// By how much a refresh must prolong a lease.
    RefreshInterval,
    /// How old a merged value may be.
    Staleness,
    /// How much time lies between two writes.
    WriteInterval,
    /// In which of several ways the structure is used.
    Method,
}

/// All settings, with their names and what they are called in a sentence.
const SETTINGS: [(Setting, &str, &str); 6] = [
    (Setting::Capacity, "capacity", "its capacity"),
    (Setting::Duration, "duration", "the time that its entries are valid"),
    (Setting::RefreshInterval, "refresh_interval", "its refresh interval"),
    (Setting::Staleness, "staleness", "its staleness"),
    (Setting::WriteInterval, "write_interval", "the time between writes to it"),
    (Setting::Method, "method", "the way it is used"),
];

impl Setting {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        SETTINGS[self as usize].1
    }

    fn noun(self) -> &'static str {
        SETTINGS[self as usize].2
    }

    fn named(name: &str) -> Option<Self> {
        SETTINGS.iter().find(|(_, known, _)| *known == name).map(|(setting, ..)| *setting)
    }
}

/// Which way a setting is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// To more.
    Raise,
    /// To less.
    Lower,
    /// To something else.
    Choose,
}

/// A setting, and which way to change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lever {
    /// Which way.
    pub change: Change,
    /// What.
    pub setting: Setting,
}

impl Lever {
    fn parse(placeholder: &str) -> Option<Self> {
        let (change, setting) = placeholder.split_once(' ')?;
        let change = match change {
            "raise" => Change::Raise,
            "lower" => Change::Lower,
            "choose" => Change::Choose,
            _ => return None,
        };
        Some(Self { change, setting: Setting::named(setting)? })
    }

    /// As advice, when nothing more is known.
    fn phrase(self) -> String {
        match (self.change, self.setting) {
            (Change::Raise, Setting::Duration) => "keep its entries for longer".into(),
            (Change::Lower, Setting::Duration) => "keep its entries for less long".into(),
            (Change::Raise, Setting::RefreshInterval) => "refresh less often".into(),
            (Change::Lower, Setting::RefreshInterval) => "refresh more often".into(),
            (Change::Raise, Setting::WriteInterval) => "write less often".into(),
            (Change::Raise, setting) => format!("raise {}", setting.noun()),
            (Change::Lower, setting) => format!("lower {}", setting.noun()),
            (Change::Choose, setting) => format!("change {}", setting.noun()),
        }
    }
}

/// What is known of one conflict, or of several together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Particulars<'a> {
    /// The structure's name.
    pub object: &'a str,
    /// The element of a vector.
    pub element: Option<u32>,
    /// The key of a map.
    pub key: Option<&'a [u8]>,
    /// The id of an allocator.
    pub lease: Option<u32>,
    /// The other worker.
    pub worker: Option<u16>,
}

/// Which parameters move a lever of the structure of a name, and how far.
pub trait Advisor {
    /// The parameters, most to the point first.
    fn parameters(&self, object: &str, lever: Lever) -> Vec<ParameterAdvice>;

    /// The parameters that set `setting`, with their values.
    fn set_by(&self, object: &str, setting: Setting) -> Vec<ParameterAdvice>;
}

/// Knows no parameter.
impl Advisor for () {
    fn parameters(&self, _: &str, _: Lever) -> Vec<ParameterAdvice> {
        Vec::new()
    }

    fn set_by(&self, _: &str, _: Setting) -> Vec<ParameterAdvice> {
        Vec::new()
    }
}

impl Cause {
    /// What happened, in the network function's terms.
    #[must_use]
    pub fn told(self, of: &Particulars<'_>, advisor: &dyn Advisor) -> String {
        fill(self.text(), of, advisor)
    }

    /// What relaxes it, with the parameters that do and values to try.
    #[must_use]
    pub fn advised(self, of: &Particulars<'_>, advisor: &dyn Advisor) -> String {
        fill(self.recipe(), of, advisor)
    }

    /// What its recipe would change.
    #[must_use]
    pub fn levers(self) -> Vec<Lever> {
        levers(self.recipe()).collect()
    }

    /// The parameters that its recipe would change for the structure of a name.
    #[must_use]
    pub fn relaxed_by(self, object: &str, advisor: &dyn Advisor) -> Vec<ParameterAdvice> {
        relaxing(self.recipe(), object, advisor)
    }
}

fn levers(recipe: &str) -> impl Iterator<Item = Lever> {
    pieces(recipe).filter_map(|(_, name)| Lever::parse(name))
}

/// The parameters that a recipe would change for the structure of a name.
pub(super) fn relaxing(recipe: &str, object: &str, advisor: &dyn Advisor) -> Vec<ParameterAdvice> {
    levers(recipe).flat_map(|lever| advisor.parameters(object, lever)).collect()
}

/// The parts of a template: text, and the placeholder behind it.
fn pieces(template: &str) -> impl Iterator<Item = (&str, &str)> {
    template.split('}').map(|piece| piece.split_once('{').unwrap_or((piece, "")))
}

pub(super) fn fill(template: &str, of: &Particulars<'_>, advisor: &dyn Advisor) -> String {
    let mut filled = String::with_capacity(2 * template.len());
    for (text, placeholder) in pieces(template) {
        filled.push_str(text);
        if let Some(lever) = Lever::parse(placeholder) {
            filled.push_str(&lever.phrase());
            append_parameters(&mut filled, &advisor.parameters(of.object, lever));
        } else if let Some(setting) = Setting::named(placeholder) {
            filled.push_str(setting.noun());
            append_parameters(&mut filled, &advisor.set_by(of.object, setting));
        } else {
            filled.push_str(&known(placeholder, of));
        }
    }
    filled
}

fn known(placeholder: &str, of: &Particulars<'_>) -> String {
    let numbered = |what: &str, number: Option<u32>, unknown: &str| match number {
        Some(number) => format!("{what} {number}"),
        None => unknown.to_owned(),
    };
    match placeholder {
        "object" => of.object.to_owned(),
        "element" => numbered("element", of.element, "an element"),
        "lease" => numbered("lease", of.lease, "a lease"),
        "worker" => numbered("worker", of.worker.map(u32::from), "another worker"),
        "key" => match of.key {
            Some(key) => key.iter().fold("key 0x".to_owned(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            }),
            None => "a key".to_owned(),
        },
        _ => String::new(),
    }
}

/// The parameters in brackets, with their values.
fn append_parameters(text: &mut String, parameters: &[ParameterAdvice]) {
    for (at, ParameterAdvice { name, current, suggested }) in parameters.iter().enumerate() {
        text.push_str(if at == 0 { " (" } else { "; " });
        let _ = match suggested {
            Some(suggested) => write!(text, "`{name}`, now {current}: try {suggested}"),
            None => write!(text, "`{name}`, now {current}"),
        };
    }
    if !parameters.is_empty() {
        text.push(')');
    }
}

#[cfg(test)]
mod tests {
    use super::super::CAUSES;
    use super::*;

    struct OneParameter;

    impl Advisor for OneParameter {
        fn parameters(&self, object: &str, lever: Lever) -> Vec<ParameterAdvice> {
            let advice = |suggested| ParameterAdvice {
                name: format!("{object}_{}", lever.setting.name()),
                current: "0".into(),
                suggested,
            };
            match lever.change {
                Change::Raise => vec![advice(Some("100".into()))],
                Change::Lower => vec![advice(None), advice(None)],
                Change::Choose => Vec::new(),
            }
        }

        fn set_by(&self, object: &str, setting: Setting) -> Vec<ParameterAdvice> {
            let name = format!("{object}_{}", setting.name());
            vec![ParameterAdvice { name, current: "0".into(), suggested: None }]
        }
    }

    #[test]
    fn placeholders_stand_for_what_is_known() {
        let all = Particulars {
            object: "it",
            element: Some(3),
            key: Some(&[0x0a, 0xff]),
            lease: Some(4),
            worker: Some(1),
        };
        let none = Particulars { object: "it", ..Particulars::default() };
        let texts = |cause: Cause| [cause.told(&all, &()), cause.told(&none, &())];
        assert_eq!(
            texts(Cause::V1),
            [
                "element 3 of it was read here and rewritten elsewhere",
                "an element of it was read here and rewritten elsewhere"
            ]
        );
        assert_eq!(texts(Cause::M1)[0], "key 0x0aff of it was read here and set elsewhere");
        assert_eq!(texts(Cause::A3)[1], "a lease of it ran out here and was refreshed elsewhere");
        assert!(texts(Cause::D1)[0].ends_with("while worker 1 updated one"));
        assert!(texts(Cause::D1)[1].ends_with("while another worker updated one"));
    }

    #[test]
    fn parameters_come_with_their_values() {
        let of = Particulars { object: "it", ..Particulars::default() };
        assert_eq!(Cause::D1.advised(&of, &()), "raise its staleness");
        assert_eq!(
            Cause::D1.advised(&of, &OneParameter),
            "raise its staleness (`it_staleness`, now 0: try 100)"
        );
        assert_eq!(
            Cause::A1.advised(&of, &OneParameter),
            "overprovision: raise its capacity (`it_capacity`, now 0: try 100), or keep its \
             entries for less long (`it_duration`, now 0; `it_duration`, now 0)"
        );
        assert!(Cause::D1.told(&of, &OneParameter).contains("(`it_staleness`, now 0)"));
        assert_eq!(Cause::D1.relaxed_by("it", &OneParameter)[0].name, "it_staleness");
        assert_eq!(Cause::M4.relaxed_by("it", &OneParameter), []);
    }

    #[test]
    fn every_placeholder_is_known() {
        let of = Particulars { object: "it", ..Particulars::default() };
        for cause in CAUSES {
            for (_, name) in pieces(cause.text()).chain(pieces(cause.recipe())) {
                let setting = Lever::parse(name).is_some() || Setting::named(name).is_some();
                assert!(name.is_empty() || setting || !known(name, &of).is_empty(), "{name}");
            }
        }
        for (number, (setting, ..)) in SETTINGS.iter().enumerate() {
            assert_eq!(*setting as usize, number);
        }
    }
}
