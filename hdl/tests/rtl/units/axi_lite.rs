//! The AXI4-Lite port against the rules of its channels: what goes in comes out once, in order, and nothing else does.

use emeuro_hdl::units::axi_lite::AxiLite;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::{Bench, Case, once_in, ports, word};

ports!(
    AxiLite, [clock],
    [
        resetn, s_axi_awaddr, s_axi_awprot, s_axi_awvalid, s_axi_wdata, s_axi_wstrb, s_axi_wvalid, s_axi_bready,
        s_axi_araddr, s_axi_arprot, s_axi_arvalid, s_axi_rready, write_error, read_data, read_error,
    ] -> [
        s_axi_awready, s_axi_wready, s_axi_bresp, s_axi_bvalid, s_axi_arready, s_axi_rdata, s_axi_rresp, s_axi_rvalid,
        write, write_address, write_data, write_strobe, read_address,
    ]
);

pub(crate) fn cases() -> Vec<Case> {
    vec![transfer("axi_lite", 8), transfer("axi_lite_wide", 12)]
}

/// What the master and the registers know.
#[derive(Default)]
struct World {
    /// Accepted, not yet written.
    address: Option<u64>,
    data: Option<(u64, u64)>,
    /// Response that must be there.
    response: Option<u64>,
    /// Accepted read address, and for how many clocks the registers have seen it.
    read: Option<(u64, u32)>,
    /// Word and response that must be there.
    word: Option<(u64, u64)>,
    waited: [u32; 2],
}

fn transfer(name: &'static str, address_bits: u32) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(41);
    let mut bench = Bench::new(name, AxiLite::new(address_bits))
        .only_while("s_axi_bresp", "s_axi_bvalid")
        .only_while("s_axi_rdata", "s_axi_rvalid")
        .only_while("s_axi_rresp", "s_axi_rvalid")
        .only_while("write_address", "write")
        .only_while("write_data", "write")
        .only_while("write_strobe", "write");
    let (mut writes, mut reads, mut fast) = (0, 0, 0);
    for run in 0..30 {
        // A reset, at any time; nothing is accepted while it lasts or may be accepted right after.
        for clock in 0..3 {
            let mut inputs = [0; 15];
            inputs.iter_mut().for_each(|input| *input = word(&mut random, 32));
            inputs[0] = 0;
            let outputs = bench.clock(&inputs);
            if clock > 0 {
                assert_eq!([outputs[0], outputs[1], outputs[4]], [0; 3], "{name}: ready in reset");
                assert_eq!([outputs[3], outputs[7], outputs[8]], [0; 3], "{name}: valid in reset");
            }
        }
        // The read address holds anything until the first clock out of reset.
        if run == 1 {
            bench.settled();
        }
        let mut world = World::default();
        let pace = [0; 5].map(|_: u32| random.random_range(1..6u32));
        let mut offered = [false; 3];
        let (mut aw, mut w, mut ar) = (0, (0, 0), 0);
        for clock in 0..200 {
            // What was offered stays until it is accepted.
            let mut offer = |channel: usize| {
                let begins = !offered[channel] && once_in(&mut random, pace[channel]);
                offered[channel] |= begins;
                begins
            };
            let begins = [0, 1, 2].map(&mut offer);
            if begins[0] {
                aw = word(&mut random, address_bits);
            }
            if begins[1] {
                w = (word(&mut random, 32), word(&mut random, 4));
            }
            if begins[2] {
                ar = word(&mut random, address_bits);
            }
            let [bready, rready] = [3, 4].map(|channel: usize| once_in(&mut random, pace[channel]));
            let (write_error, read_data, read_error) =
                (random.random_range(0..2), word(&mut random, 32), random.random_range(0..2));
            let prot = word(&mut random, 3);
            let [valid_aw, valid_w, valid_ar] = offered.map(u64::from);
            let found: [u64; 13] = bench.tick(&[
                1,
                aw,
                prot,
                valid_aw,
                w.0,
                w.1,
                valid_w,
                bready.into(),
                ar,
                prot,
                valid_ar,
                rready.into(),
                write_error,
                read_data,
                read_error,
            ]);
            let here = format!("{name}, run {run}, clock {clock}: {found:?}");
            let [awready, wready, bresp, bvalid, arready, rdata, rresp, rvalid, write, ..] = found;
            let [.., write_address, write_data, write_strobe, read_address] = found;
            // One of each can be held; the first clock out of reset accepts nothing.
            let is_first = clock == 0;
            assert_eq!(awready == 1, world.address.is_none() && !is_first, "{here}");
            assert_eq!(wready == 1, world.data.is_none() && !is_first, "{here}");
            assert_eq!(arready == 1, world.read.is_none() && !is_first, "{here}");
            // Responses are there when they must be, and stay.
            assert_eq!((bvalid == 1).then_some(bresp), world.response, "{here}");
            assert_eq!((rvalid == 1).then_some((rdata, rresp)), world.word, "{here}");
            let may_write = world.address.is_some() && world.data.is_some() && bvalid == 0;
            assert_eq!(write == 1, may_write, "{here}");
            if bvalid == 1 && bready {
                world.response = None;
            }
            if rvalid == 1 && rready {
                world.word = None;
            }
            if write == 1 {
                assert_eq!(Some(write_address << 2), world.address.take().map(|a| a & !3), "{here}");
                assert_eq!(Some((write_data, write_strobe)), world.data.take(), "{here}");
                world.response = Some(write_error << 1);
                writes += 1;
                fast += u32::from(world.waited[0] == 2);
                world.waited[0] = 0;
            }
            if let Some((address, seen)) = &mut world.read {
                assert_eq!(read_address << 2, *address & !3, "{here}");
                *seen += 1;
                if *seen >= 2 && rvalid == 0 {
                    world.word = Some((read_data, read_error << 1));
                    world.read = None;
                    reads += 1;
                }
            }
            if offered[0] && awready == 1 {
                world.address = Some(aw);
                offered[0] = false;
            }
            if offered[1] && wready == 1 {
                world.data = Some(w);
                offered[1] = false;
            }
            if offered[2] && arready == 1 {
                world.read = Some((ar, 0));
                offered[2] = false;
            }
            world.waited[0] += 1;
        }
    }
    assert!(writes > 500 && reads > 500 && fast > 20, "{name}: {writes} {reads} {fast}");
    bench.finish(vec![])
}

#[test]
fn channels_keep_their_rules() {
    cases();
}
