/** The select boxes: model, voice, microphone, loudspeaker. */
import { h, fill } from './h.js'
import { t } from './i18n.js'
import { list } from './devices.js'

/** Fill a select with [value, label] pairs and choose one, the first where it is not there. */
export function options(select, pairs, chosen) {
  fill(select, pairs.map(([value, label]) => h('option', { value }, label)))
  select.value = pairs.some(([value]) => value === chosen) ? chosen : pairs[0]?.[0] ?? ''
  return select.value
}

export function models(select, page, chosen) {
  const names = (page?.models ?? []).map((one) => [one.name, one.name])
  select.disabled = names.length === 0
  return options(select, names, names.some(([name]) => name === chosen) ? chosen : page?.default_model)
}

export function voices(pick, page, model, chosen) {
  const found = page?.models.find((one) => one.name === model)?.voices ?? []
  pick.hidden = found.length === 0
  return options(pick.querySelector('select'), found.map((name) => [name, name]), chosen)
}

/** Fill both device lists; returns how many devices there are. */
export async function devices(microphone, speaker, prefs) {
  const { inputs, outputs } = await list()
  const pairs = (found) => [['', t('device.default')], ...found.filter((one) => one.deviceId !== 'default').map((one) => [one.deviceId, one.label || '…'])]
  options(microphone, pairs(inputs), prefs.microphone)
  options(speaker, pairs(outputs), prefs.speaker)
  speaker.closest('label').hidden = !('setSinkId' in HTMLMediaElement.prototype)
  return inputs.length + outputs.length
}
