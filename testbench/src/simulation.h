// What Verilator's run-time and the shim share: the simulation that a thread runs now.
#pragma once
#include "verilated.h"
#include <map>
#include <mutex>
#include <string>

namespace emeuro {

// Thrown by the run-time's fatal errors, caught by the shim.
struct Fatal {};

// What the run-time's callbacks need to know of a simulation.
struct Simulation {
    VerilatedContext context;
    std::string output;
    std::string rom_folder;
    std::map<std::string, std::string> rom_files;
    bool failed = false;
};

// The simulation that this thread runs now. Verilator's callbacks and fopen have no argument for it.
extern __thread Simulation* t_simulation;

// The generator behind random initial values reseeds when any simulation sets a seed, so that two
// that start at once would disturb each other's values.
std::mutex& one_at_a_time();

// Adds to the output of this thread's simulation.
void say_at(const char* file, int line, const char* text);

// Verilator keeps its "current context" per thread, but not per call: a simulation that moves to
// another thread, or two that take turns on one, must set it again.
inline void enter(Simulation* simulation) {
    if (t_simulation == simulation) return;
    t_simulation = simulation;
    Verilated::threadContextp(&simulation->context);
}

}  // namespace emeuro
