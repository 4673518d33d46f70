//! What the printer refuses, and how it says so.

use emeuro_hdl::prelude::*;
use emeuro_hdl::{PrintError, print};

fn message(top: &dyn Block) -> String {
    print(top, "top", "demo", "").expect_err("the design must be refused").to_string()
}

/// A unit with inputs `a` (8 bits), `b` (8), `n` (4), `s` (8, signed), a condition `c`, a local wire `w` (8), outputs `y`
/// (8) and `z` (1), a constant `k` = 5 (4 bits), and the given
/// `update`. (The attribute comes with it: made by this macro, its `self` would be another one.)
macro_rules! unit {
    ($($update:tt)*) => {{
        #[derive(LogicBlock)]
        struct Unit {
            info: ModuleInfo,
            a: Wire<In>,
            b: Wire<In>,
            n: Wire<In>,
            s: Wire<In>,
            c: Wire<In>,
            w: Wire<Local>,
            y: Wire<Out>,
            z: Wire<Out>,
            k: ConstantWire,
        }
        impl Logic for Unit {
            $($update)*
        }
        Unit {
            info: ModuleInfo::new("unit", "a unit under test"),
            a: Wire::new(8, ""),
            b: Wire::new(8, ""),
            n: Wire::new(4, ""),
            s: Wire::new(8, "").signed(),
            c: Wire::new(1, ""),
            w: Wire::new(8, ""),
            y: Wire::new(8, ""),
            z: Wire::new(1, ""),
            k: ConstantWire::new(4, 5, ""),
        }
    }};
}

#[test]
fn widths_must_match() {
    for (unit, expected) in [
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.z.next = 0.into();
                    self.y.next = self.n.val();
                }
            )) as Box<dyn Block>,
            "module `unit`, `y`: 8 bits meet 4 bits",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.z.next = 0.into();
                    self.y.next = self.a.val() + self.n.val();
                }
            )),
            "module `unit`, `y`: 8 bits meet 4 bits",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.y.next = self.a.val();
                    self.z.next = (self.a.val() == self.n.val()).into();
                }
            )),
            "module `unit`, `z`: 8 bits meet 4 bits",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.y.next = self.a.val();
                    self.z.next = (self.a.val() < 256).into();
                }
            )),
            "module `unit`, `z`: the number 0x100 does not fit into 8 bits",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.z.next = 0.into();
                    self.y.next = 300.into();
                }
            )),
            "module `unit`, `y`: the number 0x12c does not fit into 8 bits",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.z.next = 0.into();
                    self.y.next = bits_of(self.n.val().get_bits::<4>(2), 8);
                }
            )),
            "module `unit`, `y`: 4 bits meet 6 bits",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.y.next = self.a.val();
                    self.z.next = (self.c.val() & self.a.val()).any().into();
                }
            )),
            "module `unit`, `z`: 1 bits meet 8 bits",
        ),
    ] {
        assert_eq!(message(unit.as_ref()), expected);
    }
}

#[test]
fn bodies_must_be_hardware() {
    for (unit, expected) in [
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.z.next = 0.into();
                    if self.c.val().any() {
                        self.y.next = self.a.val();
                    }
                }
            )) as Box<dyn Block>,
            "module `unit`: `y` is not assigned on every path; give it a default first",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.z.next = 0.into();
                    match self.n.val().index() {
                        0 => {
                            self.y.next = 1.into();
                        }
                        1 => {
                            self.y.next = 2.into();
                        }
                        _ => {}
                    }
                }
            )),
            "module `unit`: `y` is not assigned on every path; give it a default first",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.y.next = self.a.val();
                }
            )),
            "module `unit`: nothing drives `z`",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.z.next = 0.into();
                    self.y.next = self.w.val();
                }
            )),
            "module `unit`: nothing drives `w`",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.z.next = 0.into();
                    self.y.next = 0.into();
                    self.a.next = 0.into();
                }
            )),
            "module `unit` assigns to `a`, which it does not drive",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.z.next = 0.into();
                    self.w.next = 0.into();
                    self.y.next = self.w.val();
                    if self.c.val().any() {
                        self.w.next = self.a.val();
                    }
                }
            )),
            "module `unit`: `y` reads `w` before the last assignment to it; move it below",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.z.next = 0.into();
                    self.y.next = self.y.val() + 1;
                }
            )),
            "module `unit`: `y` reads `y` before the last assignment to it; move it below",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.y.next = 0.into();
                    self.z.next = (self.s.val() < self.a.val()).into();
                }
            )),
            "module `unit`: an order of signed signals can't be printed; give the unit a Verilog body; `==` and `!=` are \
             fine",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.z.next = 0.into();
                    self.y.next = 0.into();
                    self.w.next = 0.into();
                    if self.c.val().any() {
                        self.y.next = bits_of((self.a.val() + self.b.val()) >> 1, 4);
                    }
                }
            )),
            "module `unit`, `y`: 8 bits meet 4 bits",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.y.next = 0.into();
                    self.z.next = (bits_of((self.a.val() + self.b.val()) >> 1, 4) == self.n.val()).into();
                }
            )),
            "module `unit`: a part of an expression (for `z`) can't be printed; put the expression on a `Wire<Local>` and \
             take the part of that",
        ),
        (
            Box::new(unit!(
                #[hdl_gen]
                fn update(&mut self) {
                    self.z.next = 0.into();
                    self.y.next = 0.into();
                    match self.n.val().index() {
                        15 => {
                            self.y.next = 2.into();
                        }
                        16 => {
                            self.y.next = 1.into();
                        }
                        _ => {}
                    }
                }
            )),
            "module `unit`, `match`: the number 0x10 does not fit into 4 bits",
        ),
    ] {
        assert_eq!(message(unit.as_ref()), expected);
    }
}

#[derive(LogicBlock)]
struct Named {
    info: ModuleInfo,
    x_0: Wire<In>,
    x: Vec<Wire<In>>,
    y: Wire<Out>,
}

impl Logic for Named {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.x[0].val() & self.x_0.val();
    }
}

#[test]
fn names_must_be_different() {
    let named = Named {
        info: ModuleInfo::new("named", ""),
        x_0: Wire::new(1, ""),
        x: vec![Wire::new(1, "")],
        y: Wire::new(1, ""),
    };
    assert_eq!(message(&named), "module `named`: two signals or instances are called `x_0` in Verilog");
}

#[derive(LogicBlock)]
struct Outside {
    info: ModuleInfo,
    x: Vec<Wire<In>>,
    y: Wire<Out>,
}

impl Logic for Outside {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..self.x.len() {
            self.y.next = self.x[i + 1].val();
        }
    }
}

#[test]
fn indices_must_exist() {
    let outside = Outside {
        info: ModuleInfo::new("outside", ""),
        x: vec![Wire::new(1, ""), Wire::new(1, "")],
        y: Wire::new(1, ""),
    };
    assert_eq!(message(&outside), "module `outside`: there is no signal `x_2`");
}

/// A unit whose Verilog is given.
#[derive(LogicBlock)]
struct Given {
    info: ModuleInfo,
    begin: Wire<In>,
    y: Wire<Out>,
    _text: &'static str,
}

impl Given {
    fn new(name: &str, text: &'static str) -> Self {
        Self { info: ModuleInfo::new(name, ""), begin: Wire::new(1, ""), y: Wire::new(1, ""), _text: text }
    }
}

impl Logic for Given {
    fn update(&mut self) {}

    fn hdl(&self) -> Verilog {
        if self._text.is_empty() { Verilog::Empty } else { Verilog::Custom(self._text.into()) }
    }
}

#[test]
fn keywords_are_refused() {
    let given = Given::new("given", "assign y = begin;");
    assert_eq!(message(&given), "module `given`: `begin` is a keyword of Verilog; rename the field");
    let error = print(&Given::new("given", ""), "module", "demo", "").unwrap_err();
    assert!(matches!(error, PrintError::Keyword { .. }), "{error}");
}

#[test]
fn bodies_must_be_there() {
    let expected = "module `given` has no Verilog body: use `#[hdl_gen]` or return `Verilog::Custom`";
    assert_eq!(message(&Given::new("given", "")), expected);
}

#[derive(LogicBlock)]
struct Anonymous {
    y: Wire<Out>,
}

impl Logic for Anonymous {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = 0.into();
    }
}

#[test]
fn modules_must_have_names() {
    let expected = "unit `top` has no `ModuleInfo` field, so its module has no name";
    assert_eq!(message(&Anonymous { y: Wire::new(1, "") }), expected);
}

#[derive(LogicBlock)]
struct Inner {
    info: ModuleInfo,
    file: TextParameter,
    x: Wire<In>,
    y: Wire<Out>,
}

impl Inner {
    fn new(file: &str) -> Self {
        Self {
            info: ModuleInfo::new("inner", ""),
            file: TextParameter::new(file, ""),
            x: Wire::new(1, ""),
            y: Wire::new(1, ""),
        }
    }
}

impl Logic for Inner {
    fn update(&mut self) {}

    fn hdl(&self) -> Verilog {
        Verilog::Custom("assign y = x & (FILE == \"\");".into())
    }
}

#[derive(LogicBlock)]
struct Outer {
    info: ModuleInfo,
    file: TextParameter,
    y: Wire<Out>,
    inner: Inner,
}

impl Logic for Outer {
    #[hdl_gen]
    fn update(&mut self) {
        self.inner.file.next = self.file.val();
        self.y.next = self.inner.y.val();
    }
}

fn outer(own: &str, inner: &str) -> Outer {
    Outer {
        info: ModuleInfo::new("outer", ""),
        file: TextParameter::new(own, ""),
        y: Wire::new(1, ""),
        inner: Inner::new(inner),
    }
}

#[test]
fn parameters_must_agree() {
    let expected = "module `outer`: `inner_file` holds \"b.hex\", but the parameter handed down is \"a.hex\"";
    assert_eq!(message(&outer("a.hex", "b.hex")), expected);
    assert!(message(&outer("a\"b", "a\"b")).contains("quote or backslash"));
}

#[test]
fn instance_inputs_must_be_driven() {
    assert_eq!(message(&outer("a.hex", "a.hex")), "module `outer`: nothing drives `inner_x`");
}
