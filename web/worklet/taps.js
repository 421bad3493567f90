/**
 * Listens to two inputs, microphone (0) and remote (1), in blocks of about 10 ms: their levels and the context time at
 * which each block began, so that both can be compared on one clock. When recording, the samples go along.
 */
class Taps extends AudioWorkletProcessor {
  constructor() {
    super()
    this.size = Math.round(sampleRate / 100)
    this.filled = 0
    this.blocks = [new Float32Array(this.size), new Float32Array(this.size)]
    this.recording = false
    this.port.onmessage = ({ data }) => { this.recording = data.recording === true }
  }

  process(inputs) {
    const frames = inputs[0]?.[0]?.length ?? inputs[1]?.[0]?.length ?? 128
    for (let i = 0; i < frames; i += 1) {
      for (let side = 0; side < 2; side += 1) this.blocks[side][this.filled] = inputs[side]?.[0]?.[i] ?? 0
      this.filled += 1
      if (this.filled === this.size) this.hand(currentTime + (i + 1 - this.size) / sampleRate)
    }
    return true
  }

  hand(at) {
    const [mic, remote] = this.blocks.map(measure)
    this.port.postMessage({ at, mic, remote, pcm: this.recording ? this.blocks.map(integers) : null })
    this.filled = 0
  }
}

function measure(block) {
  let sum = 0
  let peak = 0
  for (const sample of block) {
    sum += sample * sample
    peak = Math.max(peak, Math.abs(sample))
  }
  return { rms: Math.sqrt(sum / block.length), peak }
}

function integers(block) {
  return Int16Array.from(block, (sample) => Math.max(-32768, Math.min(32767, Math.round(sample * 32767))))
}

registerProcessor('taps', Taps)
