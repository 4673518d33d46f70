//! Names: from Rust-HDL's paths to plain Verilog identifiers.

use std::collections::HashMap;

use super::PrintError;

/// Reserved by Verilog-2001 or SystemVerilog: tools that read `.v` as either must accept what we print.
const KEYWORDS: &str = " accept_on alias always always_comb always_ff always_latch and assert assign assume automatic \
    before begin bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking \
    cmos config const constraint context continue cover covergroup coverpoint cross deassign default defparam design \
    disable dist do edge else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup \
    endinterface endmodule endpackage endprimitive endprogram endproperty endspecify endsequence endtable endtask enum \
    event eventually expect export extends extern final first_match for force foreach forever fork forkjoin function \
    generate genvar global highz0 highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include \
    initial inout input inside instance int integer interconnect interface intersect join join_any join_none large let \
    liblist library local localparam logic longint macromodule matches medium modport module nand negedge nettype new \
    nexttime nmos nor noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive \
    priority program property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc \
    randcase randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 \
    rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled \
    signed small soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1 \
    sync_accept_on sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri \
    tri0 tri1 triand trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var vectored \
    virtual void wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor ";

/// The Verilog identifier of a Rust-HDL path: `lanes$3$x` is `lanes_3_x`. The only wire of a vector that is called a pin has
/// neither number nor suffix: `quality_pin$0` is `quality`, a port that some units lack.
pub(super) fn flat(path: &str) -> String {
    path.replace("_pin$0", "").replace('$', "_")
}

/// Refuses keywords and everything that would need an escape.
pub(super) fn check_identifier(module: &str, name: &str) -> Result<(), PrintError> {
    let module = module.to_string();
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !plain || name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        return Err(PrintError::BadName { module, name: name.to_string() });
    }
    if KEYWORDS.contains(&format!(" {name} ")) {
        return Err(PrintError::Keyword { module, name: name.to_string() });
    }
    Ok(())
}

/// The index names of the enclosing `for` loops and their present values.
pub(super) type Loops = Vec<(String, i64)>;

/// Lengths of the vectors of one module by path, for `self.lanes.len()` inside an index.
#[derive(Debug, Default)]
pub(super) struct Lengths(HashMap<String, i64>);

impl Lengths {
    /// Learns the lengths from one element's path: `lanes$3$x` says that `lanes` has at least 4 elements.
    pub(super) fn observe(&mut self, path: &str) {
        let mut prefix = String::new();
        for part in path.split('$') {
            if let Ok(index) = part.parse::<i64>() {
                let length = self.0.entry(prefix.clone()).or_default();
                *length = (*length).max(index + 1);
            }
            if !prefix.is_empty() {
                prefix.push('$');
            }
            prefix.push_str(part);
        }
    }
}

/// Turns a name from the syntax tree into a path: drops `$next`, computes the indices: with i = 2, `lanes[i+1]$x$next`
/// is `lanes$3$x`.
pub(super) fn resolve(name: &str, loops: &Loops, lengths: &Lengths) -> Result<String, String> {
    let name = name.trim_start_matches('.').trim_end_matches("$next");
    let mut path = String::new();
    let mut rest = name;
    while let Some(open) = rest.find('[') {
        path.push_str(&rest[..open]);
        let close = matching_bracket(rest, open).ok_or_else(|| name.to_string())?;
        let text = &rest[open + 1..close];
        let mut index = Index { text, rest: text, loops, lengths };
        let value = index.sum().filter(|value| *value >= 0 && index.rest.is_empty());
        path.push('$');
        path.push_str(&value.ok_or_else(|| text.to_string())?.to_string());
        rest = &rest[close + 1..];
    }
    path.push_str(rest);
    Ok(path)
}

fn matching_bracket(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0;
    for (place, c) in text.char_indices().skip_while(|(place, _)| *place < open) {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(place);
        }
    }
    None
}

/// A parser of index expressions: numbers, loop indices, lengths, `+ - * / %` and parentheses.
struct Index<'a> {
    text: &'a str,
    rest: &'a str,
    loops: &'a Loops,
    lengths: &'a Lengths,
}

impl Index<'_> {
    fn take(&mut self, symbols: &[char]) -> Option<char> {
        let found = self.rest.chars().next().filter(|c| symbols.contains(c))?;
        self.rest = &self.rest[1..];
        Some(found)
    }

    fn sum(&mut self) -> Option<i64> {
        let mut value = self.product()?;
        while let Some(operator) = self.take(&['+', '-']) {
            let right = self.product()?;
            value = if operator == '+' { value.checked_add(right)? } else { value.checked_sub(right)? };
        }
        Some(value)
    }

    fn product(&mut self) -> Option<i64> {
        let mut value = self.atom()?;
        while let Some(operator) = self.take(&['*', '/', '%']) {
            let right = self.atom()?;
            value = match operator {
                '*' => value.checked_mul(right)?,
                '/' => value.checked_div(right)?,
                _ => value.checked_rem(right)?,
            };
        }
        Some(value)
    }

    fn atom(&mut self) -> Option<i64> {
        if self.take(&['(']).is_some() {
            let value = self.sum()?;
            self.take(&[')'])?;
            return Some(value);
        }
        let end = self.word_end();
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return parse_number(word).and_then(|number| i64::try_from(number).ok());
        }
        if let Some(vector) = word.strip_suffix("$len")
            && let Some(rest) = self.rest.strip_prefix("()")
        {
            self.rest = rest;
            let path = resolve(vector, self.loops, self.lengths).ok()?;
            return self.lengths.0.get(&path).copied();
        }
        self.loops.iter().rev().find(|(name, _)| name == word).map(|(_, value)| *value)
    }

    /// Where the number or name at the start of the rest ends; a name may contain indices of its own.
    fn word_end(&self) -> usize {
        let mut depth = 0;
        for (place, c) in self.rest.char_indices() {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ if depth > 0 || c.is_ascii_alphanumeric() || c == '_' || c == '$' => {}
                _ => return place,
            }
        }
        debug_assert!(self.text.ends_with(self.rest));
        self.rest.len()
    }
}

/// A Rust integer literal: decimal or `0x`, `0b`, with underscores and a type suffix.
pub(super) fn parse_number(text: &str) -> Option<u64> {
    let text = text.replace('_', "");
    let text = ["u64", "usize", "u32", "u16", "u8", "i32", "i64"]
        .iter()
        .find_map(|suffix| text.strip_suffix(suffix))
        .unwrap_or(&text);
    if let Some(digits) = text.strip_prefix("0x") {
        u64::from_str_radix(digits, 16).ok()
    } else if let Some(digits) = text.strip_prefix("0b") {
        u64::from_str_radix(digits, 2).ok()
    } else {
        text.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(name: &str) -> Result<String, String> {
        let mut lengths = Lengths::default();
        for path in ["lanes$0$x$1", "lanes$7", "nodes$2"] {
            lengths.observe(path);
        }
        resolve(name, &vec![("i".into(), 2), ("j".into(), 5)], &lengths)
    }

    #[test]
    fn computes_indices() {
        for (name, path) in [
            ("a$next", "a"),
            ("lanes[i+1]$x$next", "lanes$3$x"),
            ("lanes[(i+1)*2-j%3]$x[j]", "lanes$4$x$5"),
            ("lanes[lanes$len()-1]$x", "lanes$7$x"),
            ("y[lanes[0]$x$len()+i]", "y$4"),
            ("nodes[0x1_0]", "nodes$16"),
            ("a[i][j]", "a$2$5"),
        ] {
            assert_eq!(resolved(name).as_deref(), Ok(path));
        }
    }

    #[test]
    fn refuses_what_is_no_index() {
        for name in ["a[k]", "a[i-j]", "a[i/0]", "a[i+]", "a[i", "a[missing$len()]", "a[i 2]"] {
            assert!(resolved(name).is_err(), "{name}");
        }
    }

    #[test]
    fn refuses_keywords() {
        assert!(check_identifier("m", "acc").is_ok());
        for name in ["begin", "logic", "program"] {
            assert!(matches!(check_identifier("m", name), Err(PrintError::Keyword { .. })), "{name}");
        }
        for name in ["", "3x", "a$b", "a b", "ä"] {
            assert!(matches!(check_identifier("m", name), Err(PrintError::BadName { .. })), "{name}");
        }
    }
}
