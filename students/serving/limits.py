"""What one client, and all of them together, may ask of the service; each limit is an option of its command."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """Bounds of uploads, of the queue, and of connections."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(4 * 2**20, ge=1, description="bytes of one picture")
    max_pixels: int = Field(4_000_000, ge=1, description="pixels of one picture, looked up before it is decoded")
    max_held_bytes: int = Field(64 * 2**20, ge=1, description="bytes of all pictures that are held at a time")
    max_waiting: int = Field(5, ge=1, description="pictures that wait to be read; more are answered with 503")
    max_batch: int = Field(8, ge=1, description="pictures that are read together, of those that wait")
    retry_after_s: int = Field(1, ge=1, description="what Retry-After asks for where it is answered with 503")
    max_connections: int = Field(512, ge=1, description="open connections; the silent ones make room for new ones")
    max_ahead: int = Field(8, ge=1, description="requests that a connection may send before the one ahead is answered")
    max_head_bytes: int = Field(16 * 2**10, ge=256, description="bytes of the request line and the headers")
    head_s: float = Field(5.0, gt=0, description="seconds until the headers of a request must be there")
    body_s: float = Field(15.0, gt=0, description="seconds from then until the picture must be there")
    answer_s: float = Field(30.0, gt=0, description="seconds from then until the answer must have been taken")
    idle_s: int = Field(5, ge=1, description="seconds that a connection may be kept open between requests")
