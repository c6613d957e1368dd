"""Headwater's services. Each folder but kit/ and embedded/ is one service that can run on its own."""

__version__ = "0.1.0"
