import { render } from 'preact'
import { App } from './view/App.js'

const page = document.getElementById('page')
if (page) {
  page.replaceChildren()
  render(<App />, page)
}
