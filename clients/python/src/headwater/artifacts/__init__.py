"""Content-addressed bytes for the SDK: headwater.artifacts.blobs puts and gets them."""
