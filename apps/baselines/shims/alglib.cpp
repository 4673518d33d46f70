// ALGLIB: linear convolution of two real signals.

#include <cstring>
#include <libalglib/fasttransforms.h>

// Writes the signals + taps - 1 samples of the result. 0, or 1 if the library threw.
extern "C" int emeuro_alglib_convr1d(double *signal, long samples, double *kernel, long taps, double *result)
{
    try {
        alglib::real_1d_array a, b, r;
        // No copies of the operands; the library allocates the result.
        a.attach_to_ptr(samples, signal);
        b.attach_to_ptr(taps, kernel);
        alglib::convr1d(a, samples, b, taps, r);
        std::memcpy(result, r.getcontent(), sizeof(double) * (samples + taps - 1));
        return 0;
    } catch (...) {
        return 1;
    }
}
