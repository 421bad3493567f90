"""The media port: WebRTC on one UDP port, with ICE-lite, aiortc's DTLS and SCTP, and an RTP audio path of our own."""
