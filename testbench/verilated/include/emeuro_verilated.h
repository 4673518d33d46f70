// Included before everything when the `verilated` crate compiles Verilator's run-time.
//
// The crate's two shims know Verilator 4. Where they ask for the version, 4.038 is closest: the
// callbacks that they wrap have had these names since then.
#pragma once
#include "../../src/hooks.h"
#define VL_TIME_CONTEXT
#undef VERILATOR_VERSION_MAJOR
#undef VERILATOR_VERSION_MINOR
#define VERILATOR_VERSION_MAJOR 4
#define VERILATOR_VERSION_MINOR 38
// Verilator 5 counts in bytes.
#define rolloverMB(megabytes) rolloverSize((megabytes) * 1000000ULL)
