// node compile.js SOURCES PAGES: each .mjml by the MJML compiler, each .html as it is.
const fs = require("fs");
const path = require("path");
const mjml = require("mjml");

const [sources, pages] = process.argv.slice(2);
for (const name of fs.readdirSync(sources)) {
  let text = fs.readFileSync(path.join(sources, name), "utf8");
  try {
    if (name.endsWith(".mjml")) text = mjml(text, { validationLevel: "soft" }).html;
  } catch (refused) {
    continue; // a part of a template
  }
  if (!/<!doctype/i.test(text)) text = `<!DOCTYPE html>${text}`; // mail programs show fragments that way
  fs.writeFileSync(path.join(pages, `${name}.html`), text);
}
