/** Microphones and loudspeakers: which there are, which was granted, and with what settings. */

/** Return the constraints of a choice; everything is explicit and ideal, so that no device is refused for them. */
export function constraints({ microphone, headphones }) {
  const audio = { echoCancellation: !headphones, noiseSuppression: true, autoGainControl: true, channelCount: { ideal: 1 } }
  for (const name of ['echoCancellation', 'noiseSuppression', 'autoGainControl']) audio[name] = { ideal: audio[name] }
  if (microphone) audio.deviceId = { ideal: microphone }
  return { audio }
}

/** Return the devices by kind; labels are empty before permission. */
export async function list() {
  if (!navigator.mediaDevices?.enumerateDevices) return { inputs: [], outputs: [] }
  const all = await navigator.mediaDevices.enumerateDevices().catch(() => [])
  const named = all.filter((device) => device.deviceId !== '')
  return {
    inputs: named.filter((device) => device.kind === 'audioinput'),
    outputs: named.filter((device) => device.kind === 'audiooutput'),
  }
}

/** Return what the browser would say about the microphone: granted, denied, prompt or unknown. */
export async function permission() {
  try {
    return (await navigator.permissions.query({ name: 'microphone' })).state
  } catch {
    return 'unknown'
  }
}

/** Return what a track was really given, as [name, value] pairs. */
export function granted(track) {
  const settings = track?.getSettings?.() ?? {}
  const names = ['echoCancellation', 'noiseSuppression', 'autoGainControl', 'sampleRate', 'channelCount', 'latency']
  return names.filter((name) => settings[name] !== undefined).map((name) => [name, settings[name]])
}

/** Whether a track is likely a headset in its telephone mode: narrow sound, long delay. */
export function narrow(track) {
  const rate = track?.getSettings?.().sampleRate
  return /bluetooth|hands-?free|headset \(.*airpods/i.test(track?.label ?? '') || (rate !== undefined && rate <= 16000)
}
