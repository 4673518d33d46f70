//! The first address of an instruction against a sum.

use emeuro_hdl::units::member_base::MemberBase;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, ports, word};

ports!(MemberBase, [], [base, of_member, offset] -> [sum]);

pub(crate) fn cases() -> Vec<Case> {
    [1, 9].map(sum).into()
}

fn sum(width: u32) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(48);
    let mut bench = Bench::new(format!("member_base_{width}"), MemberBase::new(width));
    for index in 0..200 {
        let [base, offset] = [(); 2].map(|()| word(&mut random, width));
        let of_member = index % 2;
        let [found] = bench.tick(&[base, of_member, offset]);
        assert_eq!(found, (base + of_member * offset) & ((1 << width) - 1));
    }
    bench.finish(vec![])
}

#[test]
fn the_offset_is_that_of_members() {
    cases();
}
