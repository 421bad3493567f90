/** The sound of both sides measured here: levels for the meters, onsets for the second opinion. The context only taps. */
import { Ear } from './ear.js'

const LIMIT_S = 3600

export class Levels {
  /** `heard` is told { ear, at } when the first sound of an answer arrives; `recorded` collects PCM when asked to. */
  constructor({ heard }) {
    this.heard = heard
    this.context = null
    this.node = null
    this.sources = [null, null]
    this.latest = { mic: silence(), remote: silence() }
    this.recording = null
    this.ear = new Ear()
  }

  /** Start the context; call it in the click handler, before anything is awaited. */
  resume() {
    this.context ??= new AudioContext({ latencyHint: 'interactive' })
    return this.context.resume()
  }

  get running() {
    return this.context?.state === 'running'
  }

  /** Load the tap; a call goes on without meters where that fails. Returns whether it is there. */
  async open() {
    if (this.node !== null) return true
    try {
      await this.context.audioWorklet.addModule(new URL('../worklet/taps.js', import.meta.url))
    } catch {
      return false
    }
    this.node = new AudioWorkletNode(this.context, 'taps', { numberOfInputs: 2, numberOfOutputs: 1, channelCount: 1 })
    this.node.port.onmessage = ({ data }) => this.take(data)
    this.node.connect(this.context.destination)
    return true
  }

  /** Listen to the microphone through a clone, so that speaking while muted can be seen. */
  microphone(stream) {
    this.connect(0, stream ? new MediaStream(stream.getAudioTracks().map((track) => track.clone())) : null)
  }

  remote(stream) {
    this.connect(1, stream)
  }

  /** Keep the samples from now on; the person was asked. */
  record() {
    this.recording ??= { rate: this.context.sampleRate, mic: [], remote: [], blocks: 0 }
    this.node?.port.postMessage({ recording: true })
  }

  stop() {
    this.connect(0, null)
    this.connect(1, null)
    this.node?.port.postMessage({ recording: false })
    this.latest = { mic: silence(), remote: silence() }
  }

  connect(side, stream) {
    const old = this.sources[side]
    old?.source.disconnect()
    if (side === 0) old?.stream.getTracks().forEach((track) => track.stop())
    this.sources[side] = stream && this.node ? { stream, source: this.context.createMediaStreamSource(stream) } : null
    this.sources[side]?.source.connect(this.node, 0, side)
  }

  take({ at, mic, remote, pcm }) {
    this.latest = { mic, remote }
    const found = this.ear.block(at * 1000, mic.rms, remote.rms)
    if (found !== null) this.heard(found)
    if (pcm !== null && this.recording !== null) this.store(pcm)
  }

  store([mic, remote]) {
    if (this.recording.blocks >= LIMIT_S * 100) return
    this.recording.blocks += 1
    this.recording.mic.push(mic)
    this.recording.remote.push(remote)
  }
}

/** RMS 0..1 in dBFS, never below -60. */
export function decibels(rms) {
  return Math.max(-60, 20 * Math.log10(Math.max(rms, 1e-6)))
}

function silence() {
  return { rms: 0, peak: 0 }
}
