/* FFTW 3: real transforms in double and single precision, planned by measurement. */

#include <fftw3.h>

/* FFTW_MEASURE runs candidates and keeps the fastest; it overwrites the buffers. NULL if there is no plan. */
void *emeuro_fftw_forward(int samples, double *signal, double *spectrum)
{
    return fftw_plan_dft_r2c_1d(samples, signal, (fftw_complex *)spectrum, FFTW_MEASURE);
}

void *emeuro_fftw_inverse(int samples, double *spectrum, double *signal)
{
    return fftw_plan_dft_c2r_1d(samples, (fftw_complex *)spectrum, signal, FFTW_MEASURE);
}

void emeuro_fftw_execute(void *plan)
{
    fftw_execute((fftw_plan)plan);
}

/* The same plan on other arrays of the same alignment. A transform to another array leaves its operand as it is. */
void emeuro_fftw_execute_on(void *plan, const double *signal, double *spectrum)
{
    fftw_execute_dft_r2c((fftw_plan)plan, (double *)signal, (fftw_complex *)spectrum);
}

/* 0 if an array is aligned as those from emeuro_fftw_malloc are. */
int emeuro_fftw_alignment(const double *values)
{
    return fftw_alignment_of((double *)values);
}

void emeuro_fftw_destroy(void *plan)
{
    fftw_destroy_plan((fftw_plan)plan);
}

void *emeuro_fftwf_forward(int samples, float *signal, float *spectrum)
{
    return fftwf_plan_dft_r2c_1d(samples, signal, (fftwf_complex *)spectrum, FFTW_MEASURE);
}

void *emeuro_fftwf_inverse(int samples, float *spectrum, float *signal)
{
    return fftwf_plan_dft_c2r_1d(samples, (fftwf_complex *)spectrum, signal, FFTW_MEASURE);
}

void emeuro_fftwf_execute(void *plan)
{
    fftwf_execute((fftwf_plan)plan);
}

void emeuro_fftwf_execute_on(void *plan, const float *signal, float *spectrum)
{
    fftwf_execute_dft_r2c((fftwf_plan)plan, (float *)signal, (fftwf_complex *)spectrum);
}

int emeuro_fftwf_alignment(const float *values)
{
    return fftwf_alignment_of((float *)values);
}

void emeuro_fftwf_destroy(void *plan)
{
    fftwf_destroy_plan((fftwf_plan)plan);
}

/* Buffers with the alignment that FFTW's vectors want. NULL if there is no memory. */
void *emeuro_fftw_malloc(size_t bytes)
{
    return fftw_malloc(bytes);
}

void emeuro_fftw_free(void *buffer)
{
    fftw_free(buffer);
}
