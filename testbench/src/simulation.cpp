// Verilator's callbacks (see hooks.h): what a design prints, how it fails, where its files are.
//
// Part of the run-time, of which every model has a copy, or, with the feature `verilated`, the
// program has one for all models.
#include "simulation.h"
#include <cstdarg>
#include <cstdio>
#undef fopen

namespace emeuro {

__thread Simulation* t_simulation = nullptr;

std::mutex& one_at_a_time() {
    static std::mutex mutex;
    return mutex;
}

// Kept text of a design that prints on every clock; the end of it is what explains a failure.
static constexpr size_t OUTPUT_LIMIT = 64 * 1024;

static void say(const std::string& text) {
    if (!t_simulation) return;
    std::string& output = t_simulation->output;
    output += text;
    if (output.size() > OUTPUT_LIMIT) output.erase(0, output.size() - OUTPUT_LIMIT / 2);
}

void say_at(const char* file, int line, const char* text) {
    if (file && *file) say(std::string{file} + (line ? ":" + std::to_string(line) : "") + ": ");
    say(std::string{text} + "\n");
}

static void fail() {
    if (t_simulation) {
        t_simulation->failed = true;
        t_simulation->context.gotError(true);
    }
}

}  // namespace emeuro

using namespace emeuro;

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

// $readmemh opens its file through this. A relative name is looked up in the simulation's own ROM
// files, never in the working directory, which all threads of a process share.
extern "C" FILE* emeuro_open(const char* path, const char* mode) {
    if (!t_simulation || path[0] == '/' || mode[0] != 'r') return std::fopen(path, mode);
    const auto file = t_simulation->rom_files.find(path);
    if (file != t_simulation->rom_files.end()) {
        std::string& text = file->second;
        if (text.empty()) return std::fopen("/dev/null", mode);
        return fmemopen(&text[0], text.size(), "r");
    }
    if (t_simulation->rom_folder.empty()) return nullptr;
    return std::fopen((t_simulation->rom_folder + "/" + path).c_str(), mode);
}
