/* Runs an emulator on frames in a file and compares with what the golden model gave, then makes every kind of mistake.
 *
 * frames EMULATOR VECTORS: the file has inputs, outputs, levels and frames, then per level and frame input words, output words, input
 * values and output values. Says what is wrong on standard error; exit status 1. */
#include "emeuro.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s; last error: %s\n", __FILE__, __LINE__, #condition,                   \
                    emeuro_last_error());                                                                    \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

static const emeuro_emulator *emulator;
static size_t inputs, outputs, levels, frames;
/* [level][frame][word] */
static int16_t *words_in, *words_out;
static double *values_in, *values_out;

static void read_vectors(const char *path) {
    FILE *file = fopen(path, "r");
    CHECK(file && fscanf(file, "%zu %zu %zu %zu", &inputs, &outputs, &levels, &frames) == 4);
    size_t all = levels * frames;
    words_in = malloc(all * inputs * sizeof *words_in);
    words_out = malloc(all * outputs * sizeof *words_out);
    values_in = malloc(all * inputs * sizeof *values_in);
    values_out = malloc(all * outputs * sizeof *values_out);
    CHECK(words_in && words_out && values_in && values_out);
    for (size_t frame = 0; frame < all; frame++) {
        for (size_t i = 0; i < inputs; i++) CHECK(fscanf(file, "%hd", &words_in[frame * inputs + i]) == 1);
        for (size_t i = 0; i < outputs; i++) CHECK(fscanf(file, "%hd", &words_out[frame * outputs + i]) == 1);
        for (size_t i = 0; i < inputs; i++) CHECK(fscanf(file, "%lf", &values_in[frame * inputs + i]) == 1);
        for (size_t i = 0; i < outputs; i++) CHECK(fscanf(file, "%lf", &values_out[frame * outputs + i]) == 1);
    }
    fclose(file);
}

/* All frames at all levels with a runner of its own: frame by frame and at once. */
static void *run_all(void *unused) {
    emeuro_runner *runner = emeuro_runner_new(emulator);
    CHECK(runner);
    int16_t *words = malloc(frames * outputs * sizeof *words);
    double *values = malloc(frames * outputs * sizeof *values);
    float *singles_in = malloc(frames * inputs * sizeof *singles_in), *singles = malloc(frames * outputs * sizeof *singles);
    CHECK(words && values && singles_in && singles);
    for (size_t level = 0; level < levels; level++) {
        const int16_t *word_in = words_in + level * frames * inputs, *word_out = words_out + level * frames * outputs;
        const double *value_in = values_in + level * frames * inputs, *value_out = values_out + level * frames * outputs;
        size_t asked = level + 1 == levels ? EMEURO_HIGHEST : level;
        CHECK(emeuro_run_words(runner, asked, word_in, frames * inputs, words, frames * outputs) == EMEURO_STATUS_OK);
        CHECK(memcmp(words, word_out, frames * outputs * sizeof *words) == 0);
        CHECK(emeuro_run(runner, asked, value_in, frames * inputs, values, frames * outputs) == EMEURO_STATUS_OK);
        CHECK(memcmp(values, value_out, frames * outputs * sizeof *values) == 0);
        /* The vectors' values are floats. */
        for (size_t i = 0; i < frames * inputs; i++) CHECK((singles_in[i] = (float)value_in[i]) == value_in[i]);
        CHECK(emeuro_run_f32(runner, asked, singles_in, frames * inputs, singles, frames * outputs) == EMEURO_STATUS_OK);
        for (size_t i = 0; i < frames * outputs; i++) CHECK(singles[i] == value_out[i]);
        for (size_t frame = 0; frame < frames; frame++) {
            memset(words, 0x55, outputs * sizeof *words);
            CHECK(emeuro_run_words(runner, asked, word_in + frame * inputs, inputs, words, outputs) == EMEURO_STATUS_OK);
            CHECK(memcmp(words, word_out + frame * outputs, outputs * sizeof *words) == 0);
            CHECK(emeuro_run(runner, asked, value_in + frame * inputs, inputs, values, outputs) == EMEURO_STATUS_OK);
            CHECK(memcmp(values, value_out + frame * outputs, outputs * sizeof *values) == 0);
        }
    }
    free(words);
    free(values);
    free(singles_in);
    free(singles);
    emeuro_runner_free(runner);
    return unused;
}

static int says(const char *text) { return strstr(emeuro_last_error(), text) != NULL; }

static void make_mistakes(emeuro_runner *runner) {
    CHECK(!emeuro_load("no/such/emulator.yaml") && says("no/such/emulator.yaml"));
    CHECK(!emeuro_load(NULL) && says("path is NULL"));
    CHECK(!emeuro_load("\xff") && says("path"));
    CHECK(!emeuro_parse(NULL, 3) && says("text is NULL"));
    CHECK(!emeuro_parse("emeuro: 9\n", 10) && says("text"));
    CHECK(!emeuro_runner_new(NULL) && says("emulator is NULL"));
    CHECK(!emeuro_name(NULL) && !emeuro_inputs(NULL) && !emeuro_outputs(NULL) && !emeuro_levels(NULL));
    emeuro_word word;
    CHECK(emeuro_input_word(NULL, 0, &word) == EMEURO_STATUS_BAD_POINTER && says("emulator is NULL"));
    CHECK(emeuro_output_word(emulator, outputs, &word) == EMEURO_STATUS_BAD_SIZE && says("index: expected less than 20, found 20"));
    CHECK(emeuro_input_word(emulator, 0, NULL) == EMEURO_STATUS_BAD_POINTER && says("word is NULL"));
    emeuro_free(NULL);
    emeuro_runner_free(NULL);

    double *in = malloc(2 * inputs * sizeof *in), *out = malloc(2 * outputs * sizeof *out);
    CHECK(in && out);
    memcpy(in, values_in, inputs * sizeof *in);
    memcpy(in + inputs, values_in, inputs * sizeof *in);
    for (size_t i = 0; i < 2 * outputs; i++) out[i] = 7.0;
    CHECK(emeuro_run(NULL, 0, in, inputs, out, outputs) == EMEURO_STATUS_BAD_POINTER && says("runner is NULL"));
    CHECK(emeuro_run(runner, 0, NULL, inputs, out, outputs) == EMEURO_STATUS_BAD_POINTER && says("input is NULL"));
    CHECK(emeuro_run(runner, 0, in, inputs, NULL, outputs) == EMEURO_STATUS_BAD_POINTER && says("output is NULL"));
    CHECK(emeuro_run(runner, 0, in, inputs, in, outputs) == EMEURO_STATUS_BAD_POINTER && says("overlap"));
    CHECK(emeuro_run(runner, 0, (double *)((char *)in + 1), inputs, out, outputs) == EMEURO_STATUS_BAD_POINTER &&
          says("aligned"));
    CHECK(emeuro_run(runner, 0, in, inputs - 1, out, outputs) == EMEURO_STATUS_BAD_SIZE && says("found 39 and 20"));
    CHECK(emeuro_run(runner, 0, in, 2 * inputs, out, outputs) == EMEURO_STATUS_BAD_SIZE);
    CHECK(emeuro_run(runner, 0, in, SIZE_MAX, out, outputs) == EMEURO_STATUS_BAD_SIZE);
    in[inputs + 3] = NAN;
    CHECK(emeuro_run(runner, 0, in, 2 * inputs, out, 2 * outputs) == EMEURO_STATUS_BAD_VALUE &&
          says("frame 1, input 3") && says("NaN"));
    in[inputs + 3] = INFINITY;
    CHECK(emeuro_run(runner, 0, in, 2 * inputs, out, 2 * outputs) == EMEURO_STATUS_BAD_VALUE);
    for (size_t i = 0; i < 2 * outputs; i++) CHECK(out[i] == 7.0);
    float *single = calloc(inputs + outputs, sizeof *single);
    CHECK(single);
    single[3] = -INFINITY;
    CHECK(emeuro_run_f32(runner, 0, single, inputs, single + inputs, outputs) == EMEURO_STATUS_BAD_VALUE &&
          says("frame 0, input 3") && says("-inf"));
    CHECK(emeuro_run_f32(runner, 0, single, inputs, single + inputs - 1, outputs) == EMEURO_STATUS_BAD_POINTER &&
          says("overlap"));
    CHECK(emeuro_run_f32(runner, 0, single, inputs, single + inputs, outputs - 1) == EMEURO_STATUS_BAD_SIZE);
    free(single);
    CHECK(emeuro_run(runner, 0, in, 0, out, 0) == EMEURO_STATUS_OK);
    free(in);
    free(out);
}

static emeuro_emulator *parse_file(const char *path) {
    FILE *file = fopen(path, "rb");
    CHECK(file && fseek(file, 0, SEEK_END) == 0);
    long length = ftell(file);
    char *text = malloc((size_t)length);
    CHECK(length > 0 && text && fseek(file, 0, SEEK_SET) == 0);
    CHECK(fread(text, 1, (size_t)length, file) == (size_t)length);
    fclose(file);
    emeuro_emulator *parsed = emeuro_parse(text, (size_t)length);
    free(text);
    return parsed;
}

int main(int count, char **arguments) {
    CHECK(count == 3 && *emeuro_last_error() == '\0' && *emeuro_version());
    read_vectors(arguments[2]);
    emeuro_emulator *loaded = emeuro_load(arguments[1]), *parsed = parse_file(arguments[1]);
    emeuro_emulator *all[] = {loaded, parsed};
    for (size_t i = 0; i < 2; i++) {
        CHECK(all[i] && strcmp(emeuro_name(all[i]), "newton") == 0);
        CHECK(emeuro_inputs(all[i]) == inputs && emeuro_outputs(all[i]) == outputs && emeuro_levels(all[i]) == levels);
        emeuro_word word;
        CHECK(emeuro_input_word(all[i], inputs - 1, &word) == EMEURO_STATUS_OK && word.bits == 16 && word.offset == 0.0);
        CHECK(word.index == inputs / 2 - 1 && strcmp(word.name, "gradient") == 0 && *word.unit);
        CHECK(word.point == 10);
        CHECK(emeuro_output_word(all[i], 0, &word) == EMEURO_STATUS_OK && word.index == 0);
        CHECK(word.point == 14 && strcmp(word.name, "direction") == 0);
        CHECK(word.least == -INFINITY && word.largest == INFINITY);
        emulator = all[i];
        pthread_t threads[3];
        for (size_t t = 0; t < 3; t++) CHECK(pthread_create(&threads[t], NULL, run_all, NULL) == 0);
        for (size_t t = 0; t < 3; t++) CHECK(pthread_join(threads[t], NULL) == 0);
    }
    /* A runner outlives the emulator. */
    emeuro_runner *runner = emeuro_runner_new(loaded);
    emeuro_free(loaded);
    make_mistakes(runner);
    emeuro_free(parsed);
    emeuro_runner_free(runner);
    free(words_in);
    free(words_out);
    free(values_in);
    free(values_out);
    return 0;
}
