/** System, light or dark. */
const SIGNS = { system: '◐', light: '☀', dark: '☾' }
const ORDER = Object.keys(SIGNS)

export function apply(theme) {
  document.documentElement.dataset.theme = theme
}

export function after(theme) {
  return ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length]
}

/** The shape that stands for a theme. */
export function sign(theme) {
  return SIGNS[theme]
}
