// Replaces the ways in which Verilator's run-time ends, prints and opens files, when it is compiled.
//
// By default it prints to standard output and aborts the process, which a test runner can neither
// read nor survive. simulation.cpp defines these functions: messages are kept per simulation, fatal
// errors become a C++ exception that does not leave the shim, and ROM files are found per
// simulation.
#pragma once
#define VL_USER_FINISH
#define VL_USER_STOP
#define VL_USER_FATAL
#define VL_USER_WARN
#define VL_PRINTF emeuro_print
// Before the macro: the header takes back macros of this name.
#include <cstdio>
extern "C" int emeuro_print(const char* format, ...) __attribute__((format(printf, 1, 2)));
extern "C" FILE* emeuro_open(const char* path, const char* mode);
namespace std {
using ::emeuro_open;
}
#define fopen emeuro_open
