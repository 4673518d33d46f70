// Replaces the four ways in which Verilator's run-time ends or prints, when it is compiled.
//
// By default it prints to standard output and aborts the process, which a test runner can neither
// read nor survive. The shim defines these functions: messages are kept per simulation and fatal
// errors become a C++ exception that does not leave the shim.
#pragma once
#define VL_USER_FINISH
#define VL_USER_STOP
#define VL_USER_FATAL
#define VL_USER_WARN
#define VL_PRINTF emeuro_print
extern "C" int emeuro_print(const char* format, ...) __attribute__((format(printf, 1, 2)));
