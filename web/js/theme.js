/** System, light or dark. */
const ORDER = ['system', 'light', 'dark']

export function apply(theme) {
  document.documentElement.dataset.theme = theme
}

export function after(theme) {
  return ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length]
}
