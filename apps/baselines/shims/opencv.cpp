// OpenCV: Lucas-Kanade flow of a grid of pixels between two square patches of 8-bit grey levels.

#include <new>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/video/tracking.hpp>

namespace {

struct Tracker {
    int side;
    cv::Size window;
    std::vector<cv::Point2f> from, to;
    std::vector<unsigned char> found;
    std::vector<float> errors;
};

}  // namespace

// A tracker of the `field` x `field` pixels in the middle of patches of `side` pixels. NULL if there is no memory.
extern "C" void *emeuro_opencv_tracker(int side, int field, int window)
{
    try {
        // One thread, like every other baseline.
        cv::setNumThreads(1);
        Tracker *tracker = new Tracker{side, cv::Size(window, window), {}, {}, {}, {}};
        const int margin = (side - field) / 2;
        for (int y = 0; y < field; ++y)
            for (int x = 0; x < field; ++x)
                tracker->from.emplace_back(float(margin + x), float(margin + y));
        return tracker;
    } catch (...) {
        return nullptr;
    }
}

// Writes u, then v, of every pixel. One level and one iteration from a flow of 0: one Lucas-Kanade solution, as the region
// has it. The least eigenvalue is 0, so that no pixel is given up. 0, or 1 if the library threw.
extern "C" int emeuro_opencv_track(void *handle, unsigned char *first, unsigned char *second, float *flow)
{
    try {
        Tracker *tracker = static_cast<Tracker *>(handle);
        const cv::Mat before(tracker->side, tracker->side, CV_8UC1, first);
        const cv::Mat after(tracker->side, tracker->side, CV_8UC1, second);
        const cv::TermCriteria once(cv::TermCriteria::COUNT, 1, 0);
        cv::calcOpticalFlowPyrLK(before, after, tracker->from, tracker->to, tracker->found, tracker->errors,
                                 tracker->window, 0, once, 0, 0);
        const size_t pixels = tracker->from.size();
        for (size_t i = 0; i < pixels; ++i) {
            flow[i] = tracker->to[i].x - tracker->from[i].x;
            flow[pixels + i] = tracker->to[i].y - tracker->from[i].y;
        }
        return 0;
    } catch (...) {
        return 1;
    }
}

extern "C" void emeuro_opencv_forget(void *handle)
{
    delete static_cast<Tracker *>(handle);
}
