"""An example service that reads lines over HTTP. Needs FastAPI, uvicorn and httptools (the extra `service`)."""
