"""As much of pykms as picamera2 needs to be imported where no screen is."""


class PixelFormat:
    RGB888 = BGR888 = XRGB8888 = XBGR8888 = YUV420 = YVU420 = NV12 = MJPEG = None
