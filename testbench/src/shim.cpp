// The C interface of one Verilated model; `raw.rs` is its only caller.
//
// `ports.h` is generated for each model: EMEURO_PORTS(X) lists X(name, direction, width) and
// EMEURO_CLOCK names the clock. Every entry point catches all exceptions, since none may cross
// into Rust, and returns 0 or 1 where it returns an int.
#include "Vdut.h"
#include "ports.h"
#include "simulation.h"
#include <cstring>
#include <memory>
#if VM_COVERAGE
#include "verilated_cov.h"
#endif
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

#define EMEURO_API extern "C" __attribute__((visibility("default")))

namespace {

// Half a clock period in time units of the waveform (1 ns): 100 MHz reads well and means nothing.
constexpr uint64_t HALF_PERIOD = 5;
using emeuro::enter;
using emeuro::say_at;

struct Sim : emeuro::Simulation {
    std::unique_ptr<Vdut> top;
#if VM_TRACE
    std::unique_ptr<VerilatedFstC> trace;
#endif
};

template <class Body>
int guarded(Sim* sim, Body body) {
    enter(sim);
    if (sim->failed) return 1;
    try {
        body();
    } catch (const emeuro::Fatal&) {
        sim->failed = true;
    } catch (const std::exception& error) {
        say_at(nullptr, 0, error.what());
        sim->failed = true;
    } catch (...) {
        say_at(nullptr, 0, "unknown C++ exception in the model");
        sim->failed = true;
    }
    if (__builtin_expect(sim->context.gotError(), false)) sim->failed = true;
    return sim->failed;
}

void advance(Sim* sim) {
    sim->top->eval();
#if VM_TRACE
    if (sim->trace) sim->trace->dump(sim->context.time());
#endif
    sim->context.timeInc(HALF_PERIOD);
}

}  // namespace

// One line per port: name, direction, width.
EMEURO_API const char* emeuro_port_list() {
#define EMEURO_ROW(name, direction, width) #name " " #direction " " #width "\n"
    return EMEURO_PORTS(EMEURO_ROW);
#undef EMEURO_ROW
}

EMEURO_API Sim* emeuro_create() {
    try {
        Sim* const sim = new Sim;
        emeuro::t_simulation = nullptr;  // a former simulation may have had this address
        enter(sim);
        return sim;
    } catch (...) {
        return nullptr;
    }
}

EMEURO_API void emeuro_rom_folder(Sim* sim, const char* path) { sim->rom_folder = path; }

EMEURO_API void emeuro_rom_file(Sim* sim, const char* name, const char* text, size_t size) {
    sim->rom_files[name] = std::string{text, size};
}

// Constructs the model and runs its initial blocks. State that the design does not initialise
// begins as `reset` says: 0 all zeros, 1 all ones, 2 random, a function of the seed.
EMEURO_API int emeuro_start(Sim* sim, int reset, int seed) {
    const std::lock_guard<std::mutex> lock{emeuro::one_at_a_time()};
    return guarded(sim, [&] {
        // Otherwise each context starts a pool of threads, one per processor, that never get work.
        sim->context.threads(1);
        sim->context.randReset(reset);
        sim->context.randSeed(seed);
        sim->context.fatalOnError(false);
#if VM_TRACE
        sim->context.traceEverOn(true);
#endif
        sim->top.reset(new Vdut{&sim->context, "TOP"});
        // Inputs are not state: a bench that leaves one alone shall see the same on every run.
#define EMEURO_ZERO_input(port) std::memset(&sim->top->port, 0, sizeof sim->top->port);
#define EMEURO_ZERO_output(port)
#define EMEURO_ZERO(name, direction, width) EMEURO_ZERO_##direction(name)
        EMEURO_PORTS(EMEURO_ZERO)
#undef EMEURO_ZERO
#undef EMEURO_ZERO_input
#undef EMEURO_ZERO_output
        sim->top->eval();
    });
}

// Writes the address of every port, in the order of the list. Valid after a start that returned 0.
EMEURO_API void emeuro_bind(Sim* sim, void** addresses) {
#define EMEURO_ADDRESS(name, direction, width) *addresses++ = &sim->top->name;
    EMEURO_PORTS(EMEURO_ADDRESS)
#undef EMEURO_ADDRESS
}

EMEURO_API int emeuro_eval(Sim* sim) {
    return guarded(sim, [&] { sim->top->eval(); });
}

EMEURO_API int emeuro_settle(Sim* sim) {
    return guarded(sim, [&] {
        sim->top->EMEURO_CLOCK = 0;
        advance(sim);
    });
}

EMEURO_API int emeuro_edge(Sim* sim) {
    return guarded(sim, [&] {
        sim->top->EMEURO_CLOCK = 1;
        advance(sim);
    });
}

EMEURO_API int emeuro_tick(Sim* sim) {
    return guarded(sim, [&] {
        sim->top->EMEURO_CLOCK = 0;
        advance(sim);
        sim->top->EMEURO_CLOCK = 1;
        advance(sim);
    });
}

EMEURO_API int emeuro_finished(Sim* sim) { return sim->context.gotFinish(); }

// What the design and the run-time have printed since the last clear; the pointer is valid until
// the next call.
EMEURO_API const char* emeuro_output(Sim* sim, size_t* size) {
    *size = sim->output.size();
    return sim->output.data();
}

EMEURO_API void emeuro_clear_output(Sim* sim) { sim->output.clear(); }

EMEURO_API int emeuro_trace(Sim* sim, const char* path) {
#if VM_TRACE
    int open = 0;
    const int failed = guarded(sim, [&] {
        if (sim->trace) sim->trace->close();
        sim->trace.reset(new VerilatedFstC);
        sim->top->trace(sim->trace.get(), 99);
        sim->trace->open(path);
        open = sim->trace->isOpen();
        if (!open) sim->trace.reset();
    });
    return failed || !open;
#else
    (void)sim, (void)path;
    return 1;
#endif
}

EMEURO_API void emeuro_trace_close(Sim* sim) {
#if VM_TRACE
    enter(sim);
    try {
        if (sim->trace) sim->trace->close();
    } catch (...) {
    }
    sim->trace.reset();
#else
    (void)sim;
#endif
}

EMEURO_API int emeuro_coverage(Sim* sim, const char* path) {
#if VM_COVERAGE
    // Also after a failure: the coverage of a failed run is worth having.
    enter(sim);
    try {
        sim->context.coveragep()->write(path);
        return 0;
    } catch (...) {
        return 1;
    }
#else
    (void)sim, (void)path;
    return 1;
#endif
}

// Sets all counts to 0.
EMEURO_API int emeuro_clear_coverage(Sim* sim) {
#if VM_COVERAGE
    enter(sim);
    try {
        sim->context.coveragep()->zero();
        return 0;
    } catch (...) {
        return 1;
    }
#else
    (void)sim;
    return 1;
#endif
}

EMEURO_API void emeuro_destroy(Sim* sim) {
    if (sim->top) guarded(sim, [&] { sim->top->final(); });
    emeuro_trace_close(sim);
    enter(sim);
    sim->top.reset();
    emeuro::t_simulation = nullptr;
    delete sim;
}
