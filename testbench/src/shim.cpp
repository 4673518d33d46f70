// The C interface of one Verilated model; `raw.rs` is its only caller.
//
// `ports.h` is generated for each model: EMEURO_PORTS(X) lists X(name, direction, width) and
// EMEURO_CLOCK names the clock. Every entry point catches all exceptions, since none may cross
// into Rust, and returns 0 or 1 where it returns an int.
#include "Vdut.h"
#include "ports.h"
#include "verilated.h"
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
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
// Kept text of a design that prints on every clock; the end of it is what explains a failure.
constexpr size_t OUTPUT_LIMIT = 64 * 1024;

struct Fatal {};

struct Sim {
    VerilatedContext context;
    std::unique_ptr<Vdut> top;
#if VM_TRACE
    std::unique_ptr<VerilatedFstC> trace;
#endif
    std::string output;
    std::string rom_folder;
    std::map<std::string, std::string> rom_files;
    bool failed = false;
};

// The simulation that this thread runs now. Verilator's callbacks and fopen have no argument for it.
thread_local Sim* t_sim = nullptr;

// Verilator keeps its "current context" per thread, but not per call: a simulation that moves to
// another thread, or two that take turns on one, must set it again.
void enter(Sim* sim) {
    if (t_sim == sim) return;
    t_sim = sim;
    Verilated::threadContextp(&sim->context);
}

void say(const std::string& text) {
    if (!t_sim) return;
    std::string& output = t_sim->output;
    output += text;
    if (output.size() > OUTPUT_LIMIT) output.erase(0, output.size() - OUTPUT_LIMIT / 2);
}

void say_at(const char* file, int line, const char* text) {
    if (file && *file) say(std::string{file} + (line ? ":" + std::to_string(line) : "") + ": ");
    say(std::string{text} + "\n");
}

void fail() {
    if (t_sim) {
        t_sim->failed = true;
        t_sim->context.gotError(true);
    }
}

template <class Body>
int guarded(Sim* sim, Body body) {
    enter(sim);
    if (sim->failed) return 1;
    try {
        body();
    } catch (const Fatal&) {
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

// Verilator's callbacks (see hooks.h).

extern "C" int emeuro_print(const char* format, ...) {
    va_list arguments, copy;
    va_start(arguments, format);
    va_copy(copy, arguments);
    const int size = std::vsnprintf(nullptr, 0, format, copy);
    va_end(copy);
    if (size > 0) {
        std::string text(size + 1, '\0');
        std::vsnprintf(&text[0], text.size(), format, arguments);
        text.pop_back();
        say(text);
    }
    va_end(arguments);
    return size;
}

void vl_finish(const char*, int, const char*) { Verilated::threadContextp()->gotFinish(true); }

void vl_stop(const char* file, int line, const char*) {
    say_at(file, line, "the design stopped the simulation ($stop, $error or a failed assertion)");
    fail();
}

void vl_warn(const char* file, int line, const char*, const char* message) {
    // The run-time's warnings are missing and short memory files: never harmless in a bench.
    say_at(file, line, message);
    fail();
}

void vl_fatal(const char* file, int line, const char*, const char* message) {
    say_at(file, line, message);
    fail();
    // Returning would let the model run on in a state that Verilator calls impossible.
    throw Fatal{};
}

// $readmemh opens its file through fopen; the linker's --wrap sends that here. A relative name is
// looked up in the simulation's own ROM files, never in the working directory, which all threads
// of a process share.
extern "C" FILE* __real_fopen(const char* path, const char* mode);
extern "C" FILE* __wrap_fopen(const char* path, const char* mode) {
    if (!t_sim || path[0] == '/' || mode[0] != 'r') return __real_fopen(path, mode);
    const auto file = t_sim->rom_files.find(path);
    if (file != t_sim->rom_files.end()) {
        std::string& text = file->second;
        if (text.empty()) return __real_fopen("/dev/null", mode);
        return fmemopen(&text[0], text.size(), "r");
    }
    if (t_sim->rom_folder.empty()) return nullptr;
    return __real_fopen((t_sim->rom_folder + "/" + path).c_str(), mode);
}

// One line per port: name, direction, width.
EMEURO_API const char* emeuro_port_list() {
#define EMEURO_ROW(name, direction, width) #name " " #direction " " #width "\n"
    return EMEURO_PORTS(EMEURO_ROW);
#undef EMEURO_ROW
}

EMEURO_API Sim* emeuro_create() {
    try {
        Sim* const sim = new Sim;
        t_sim = nullptr;  // a former simulation may have had this address
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

// Constructs the model and runs its initial blocks.
EMEURO_API int emeuro_start(Sim* sim, int seed) {
    // The generator behind random initial values reseeds when any simulation sets a seed, so that
    // two that start at once would disturb each other's values.
    static std::mutex one_at_a_time;
    const std::lock_guard<std::mutex> lock{one_at_a_time};
    return guarded(sim, [&] {
        // Otherwise each context starts a pool of threads, one per processor, that never get work.
        sim->context.threads(1);
        sim->context.randReset(2);
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
    t_sim = nullptr;
    delete sim;
}
