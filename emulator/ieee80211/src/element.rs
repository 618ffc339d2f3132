//! Information elements of management frames (9.4.2).

/// Identifiers of elements (table 9-92).
pub mod element_id {
    pub const SSID: u8 = 0;
    pub const SUPPORTED_RATES: u8 = 1;
    pub const DSSS_PARAMETER_SET: u8 = 3;
    pub const TIM: u8 = 5;
    pub const RSN: u8 = 48;
    pub const EXTENDED_RATES: u8 = 50;
}

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    pub id: u8,
    pub body: &'a [u8],
}

/// The elements in a byte string; ends at the first that is cut short.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a>(pub &'a [u8]);

impl<'a> Elements<'a> {
    /// The body of the first element with this identifier.
    pub fn get(mut self, id: u8) -> Option<&'a [u8]> {
        self.find(|element| element.id == id).map(|element| element.body)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let [id, length, rest @ ..] = self.0 else { return None };
        let body = rest.get(..usize::from(*length))?;
        self.0 = &rest[body.len()..];
        Some(Element { id: *id, body })
    }
}

#[cfg(test)]
mod tests {
    use super::{Elements, element_id};

    #[test]
    fn elements_end_where_one_is_cut_short() {
        let bytes = [0, 2, b'a', b'b', 3, 1, 6, 48, 9, 1];
        assert_eq!(Elements(&bytes).count(), 2);
        assert_eq!(Elements(&bytes).get(element_id::DSSS_PARAMETER_SET), Some(&[6][..]));
        assert_eq!(Elements(&bytes).get(element_id::RSN), None);
    }
}
