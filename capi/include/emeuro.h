// Emulators of EMEURO in C. Made by cbindgen from capi/src; do not edit.
//
// An emulator is loaded once and shared by all threads; every thread makes a runner of its own. A runner may go from thread to
// thread, but serves one at a time. Frames are doubles or floats in physical units (emeuro_run, emeuro_run_f32) or the raw words of
// the hardware (emeuro_run_words), one frame after the other. Functions that can fail give NULL or a status; emeuro_last_error says
// why.
//
//     emeuro_emulator *emulator = emeuro_load("newton.yaml");
//     if (!emulator) { fprintf(stderr, "%s\n", emeuro_last_error()); exit(1); }
//     emeuro_runner *runner = emeuro_runner_new(emulator);
//     double input[40] = {0}, output[20];
//     if (emeuro_run(runner, EMEURO_HIGHEST, input, 40, output, 20) != EMEURO_STATUS_OK) { ... }
//     emeuro_runner_free(runner);
//     emeuro_free(emulator);

#ifndef EMEURO_H
#define EMEURO_H

#include <stddef.h>
#include <stdint.h>

// As a level: the highest that the emulator has.
#define EMEURO_HIGHEST SIZE_MAX

// How a call has ended.
typedef enum {
    // As asked.
    EMEURO_STATUS_OK = 0,
    // A pointer is null, not aligned, or input and output overlap.
    EMEURO_STATUS_BAD_POINTER = 1,
    // A file cannot be read.
    EMEURO_STATUS_BAD_FILE = 2,
    // A text is no emulator.
    EMEURO_STATUS_BAD_EMULATOR = 3,
    // A buffer does not hold whole frames, or the output not as many as the input.
    EMEURO_STATUS_BAD_SIZE = 4,
    // An input is not finite, or a word does not fit its port.
    EMEURO_STATUS_BAD_VALUE = 5,
    // A fault of this library.
    EMEURO_STATUS_INTERNAL = 6,
} emeuro_status;

// An emulator: a quantised network that stands in for a function. It never changes, and threads may share it.
typedef struct emeuro_emulator emeuro_emulator;

// Runs an emulator. It holds the buffers of a frame: one thread at a time may use it.
typedef struct emeuro_runner emeuro_runner;

// What a number of a frame is, and what the word stands for that it is computed as: value = offset + word * 2^-point.
typedef struct {
    // What it is, for example `position`; belongs to the emulator.
    const char *name;
    // The place among the numbers of this name, from 0.
    size_t index;
    // The physical unit, `1` if there is none; belongs to the emulator.
    const char *unit;
    // Bits of the word, two's complement.
    uint32_t bits;
    // Binary point: a step of the word is 2^-point.
    int32_t point;
    // The value of the word 0.
    double offset;
    // The least value that the emulator was made for; minus infinity if that is not known.
    double least;
    // The largest one; infinity if that is not known.
    double largest;
} emeuro_word;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of this library.
const char *emeuro_version(void);

// What was wrong with the last call of this thread that did not end well; empty before there was one.
//
// The text stays until the next such call of the thread. It belongs to the library.
const char *emeuro_last_error(void);

// Loads the emulator in the file `path` (UTF-8); NULL if it cannot be.
//
// # Safety
// `path` is a text that ends with a zero.
emeuro_emulator *emeuro_load(const char *path);

// Reads an emulator from the `length` bytes of an emulator file at `text`; NULL if it cannot be.
//
// # Safety
// There are as many bytes.
emeuro_emulator *emeuro_parse(const char *text, size_t length);

// Frees an emulator. Its runners go on: they share what they need. NULL is allowed.
//
// # Safety
// It is from `emeuro_load` or `emeuro_parse`, was not freed before, and no thread uses it any more.
void emeuro_free(emeuro_emulator *emulator);

// The name of an emulator; it belongs to the emulator. NULL for NULL.
//
// # Safety
// `emulator` is NULL or was not freed.
const char *emeuro_name(const emeuro_emulator *emulator);

// How many numbers an input frame has; 0 for NULL.
//
// # Safety
// `emulator` is NULL or was not freed.
size_t emeuro_inputs(const emeuro_emulator *emulator);

// How many numbers an output frame has; 0 for NULL.
//
// # Safety
// `emulator` is NULL or was not freed.
size_t emeuro_outputs(const emeuro_emulator *emulator);

// How many quality levels there are, at least 1; level 0 is the cheapest. 0 for NULL.
//
// # Safety
// `emulator` is NULL or was not freed.
size_t emeuro_levels(const emeuro_emulator *emulator);

// What number `index` of an input frame is, and what its word stands for. If the status is not EMEURO_STATUS_OK, nothing was written
// to `word`.
//
// # Safety
// `emulator` is NULL or was not freed; there is room for a word.
emeuro_status emeuro_input_word(const emeuro_emulator *emulator,
                                size_t index,
                                emeuro_word *word);

// The same of an output frame.
//
// # Safety
// As `emeuro_input_word`.
emeuro_status emeuro_output_word(const emeuro_emulator *emulator, size_t index, emeuro_word *word);

// A runner for an emulator, which may be freed before the runner; NULL for NULL.
//
// # Safety
// `emulator` is NULL or was not freed.
emeuro_runner *emeuro_runner_new(const emeuro_emulator *emulator);

// Frees a runner. NULL is allowed.
//
// # Safety
// It is from `emeuro_runner_new`, was not freed before, and no thread uses it any more.
void emeuro_runner_free(emeuro_runner *runner);

// Runs one frame or several, one after the other, of physical values.
//
// `input_length` and `output_length` count numbers: as many whole frames of both. Inputs beyond the range of the emulator's
// port saturate. `level` is the quality level, the highest for any beyond. If the status is not EMEURO_STATUS_OK, nothing was written to
// `output`.
//
// # Safety
// `runner` is NULL or was not freed, and no other thread uses it meanwhile; both buffers have as many numbers.
emeuro_status emeuro_run(emeuro_runner *runner,
                         size_t level,
                         const double *input,
                         size_t input_length,
                         double *output,
                         size_t output_length);

// The same for values in single precision: an input counts as the double of the same value, and outputs are the doubles to the nearest.
//
// # Safety
// As `emeuro_run`.
emeuro_status emeuro_run_f32(emeuro_runner *runner,
                             size_t level,
                             const float *input,
                             size_t input_length,
                             float *output,
                             size_t output_length);

// The same for raw words, as the hardware takes and gives them.
//
// # Safety
// As `emeuro_run`.
emeuro_status emeuro_run_words(emeuro_runner *runner,
                               size_t level,
                               const int16_t *input,
                               size_t input_length,
                               int16_t *output,
                               size_t output_length);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* EMEURO_H */
