/** A call to take away: text, Markdown, JSON without secrets, a report in one file without scripts, and the sound. Pure. */
import { redact } from './redact.js'
import { asText } from './transcript.js'
import { callTime, t } from './i18n.js'

export { asLines as text } from './transcript.js'

export function markdown(rows) {
  return rows.map((row) => `- \`${callTime(row.at)}\` **${t(`who.${row.kindOf ?? row.kind}`)}** ${asText(row).replace(/([\\`*_{}[\]<>#|])/g, '\\$1')}`).join('\n')
}

export function json(saved, { addresses = false } = {}) {
  return JSON.stringify(redact(saved, { addresses }), null, 1)
}

/** Read a call that was saved. Raises Error for anything else. */
export function parse(content) {
  const saved = JSON.parse(content)
  const lists = ['rows', 'turns', 'events'].every((name) => Array.isArray(saved?.[name]))
  if (saved?.format !== 'mediaserver-call' || saved.version !== 1 || !lists) throw new Error('not a saved call')
  return saved
}

/** One HTML file: what was said, where the time went. It has no script and fetches nothing. */
export function report(saved) {
  const said = saved.rows.map((row) => `<tr><td>${callTime(row.at)}</td><th scope="row">${escape(t(`who.${row.kindOf ?? row.kind}`))}</th><td dir="auto">${escape(asText(row))}</td></tr>`)
  const times = saved.turns.filter((turn) => turn.total !== null).map((turn) => `<tr><th scope="row">${Number(turn.n)}</th><td>${turn.stages.map((stage) =>
    `${escape(t(`stage.${stage.name}`))} ${Math.round(stage.ms)}`).join(' + ')}</td><td>${Math.round(turn.total)} ms</td></tr>`)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width"><title>${escape(t('report.title'))}</title>
<style>body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}table{border-collapse:collapse}td,th{padding:.25rem .75rem .25rem 0;text-align:start;vertical-align:top}</style></head>
<body><h1>${escape(t('report.title'))}</h1><p>${escape(saved.saved_at)} · ${escape(saved.session?.model ?? '')} · ${callTime(saved.duration_ms)}</p>
<h2>${escape(t('zone.transcript'))}</h2><table>${said.join('\n')}</table><h2>${escape(t('tab.latency'))}</h2><table>${times.join('\n')}</table></body></html>`
}

/** A two-channel WAV (left: the microphone, right: what was heard) of Int16 blocks. */
export function wav({ rate, mic, remote }) {
  const frames = mic.reduce((sum, block) => sum + block.length, 0)
  const samples = new Int16Array(frames * 2)
  let at = 0
  mic.forEach((block, index) => block.forEach((sample, i) => {
    samples[at] = sample
    samples[at + 1] = remote[index][i]
    at += 2
  }))
  return new Blob([header(rate, samples.byteLength), samples], { type: 'audio/wav' })
}

function header(rate, bytes) {
  const view = new DataView(new ArrayBuffer(44))
  const word = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)))
  word(0, 'RIFF'), view.setUint32(4, 36 + bytes, true), word(8, 'WAVEfmt '), view.setUint32(16, 16, true)
  view.setUint16(20, 1, true), view.setUint16(22, 2, true), view.setUint32(24, rate, true), view.setUint32(28, rate * 4, true)
  view.setUint16(32, 4, true), view.setUint16(34, 16, true), word(36, 'data'), view.setUint32(40, bytes, true)
  return view.buffer
}

function escape(said) {
  return String(said ?? '').replace(/[&<>"']/g, (letter) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[letter])
}
