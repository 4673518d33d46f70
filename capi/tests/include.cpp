// The header in C++, twice, with owners that free what they hold.
#include "emeuro.h"
#include "emeuro.h"

#include <memory>
#include <vector>

struct Free {
    void operator()(emeuro_emulator *emulator) const { emeuro_free(emulator); }
    void operator()(emeuro_runner *runner) const { emeuro_runner_free(runner); }
};

int main(int, char **arguments) {
    std::unique_ptr<emeuro_emulator, Free> emulator(emeuro_load(arguments[1]));
    std::unique_ptr<emeuro_runner, Free> runner(emeuro_runner_new(emulator.get()));
    std::vector<double> input(emeuro_inputs(emulator.get())), output(emeuro_outputs(emulator.get()));
    emeuro_status status =
        emeuro_run(runner.get(), EMEURO_HIGHEST, input.data(), input.size(), output.data(), output.size());
    return status == EMEURO_STATUS_OK && output.size() == 20 ? 0 : 1;
}
