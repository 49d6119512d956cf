// node attributes.js SOURCES: a small template for each attribute of each tag that the MJML compiler knows.
const fs = require("fs");
const path = require("path");
require("mjml");
const { components } = require("mjml-core");

const [sources] = process.argv.slice(2);
const picture = '<mj-image src="https://x.example/a.png" alt="a"/>';
const column = `<mj-column><mj-text>Some words</mj-text>${picture}</mj-column>`;
const section = `<mj-section background-color="#eeeeee">${column}</mj-section>`;
const question = "<mj-accordion-title>Why</mj-accordion-title><mj-accordion-text>So</mj-accordion-text>";
const inside = {
  "mj-accordion": `<mj-accordion-element>${question}</mj-accordion-element>`,
  "mj-accordion-element": question,
  "mj-accordion-text": "So",
  "mj-accordion-title": "Why",
  "mj-body": section,
  "mj-button": "Press",
  "mj-carousel": '<mj-carousel-image src="https://x.example/1.png"/><mj-carousel-image src="https://x.example/2.png"/>',
  "mj-column": `<mj-text>Some words</mj-text>${picture}`,
  "mj-group": column + column,
  "mj-hero": "<mj-text>Some words</mj-text>",
  "mj-navbar": '<mj-navbar-link href="/a">One</mj-navbar-link><mj-navbar-link href="/b">Two</mj-navbar-link>',
  "mj-navbar-link": "One",
  "mj-section": column + column,
  "mj-social": '<mj-social-element name="facebook" href="https://x.example/">Us</mj-social-element>',
  "mj-social-element": "Us",
  "mj-table": "<tr><td>a</td><td>b</td></tr>",
  "mj-text": "Some <b>words</b>",
  "mj-wrapper": section + section,
};
const inBody = (tag) => `<mjml><mj-body>${tag}</mj-body></mjml>`;
const inSection = (tag) => inBody(`<mj-section>${tag}${column}</mj-section>`);
const inColumn = (tag) => inBody(`<mj-section><mj-column>${tag}<mj-text>behind</mj-text></mj-column></mj-section>`);
const around = {
  "mj-accordion-element": (tag) => inColumn(`<mj-accordion>${tag}</mj-accordion>`),
  "mj-accordion-text": (tag) => inColumn(`<mj-accordion><mj-accordion-element><mj-accordion-title>Why</mj-accordion-title>${tag}</mj-accordion-element></mj-accordion>`),
  "mj-accordion-title": (tag) => inColumn(`<mj-accordion><mj-accordion-element>${tag}<mj-accordion-text>So</mj-accordion-text></mj-accordion-element></mj-accordion>`),
  "mj-body": (tag) => `<mjml>${tag}</mjml>`,
  "mj-carousel-image": (tag) => inColumn(`<mj-carousel>${tag}<mj-carousel-image src="https://x.example/2.png"/></mj-carousel>`),
  "mj-column": inSection,
  "mj-group": (tag) => inBody(`<mj-section>${tag}</mj-section>`),
  "mj-hero": inBody,
  "mj-navbar-link": (tag) => inColumn(`<mj-navbar>${tag}</mj-navbar>`),
  "mj-section": inBody,
  "mj-social-element": (tag) => inColumn(`<mj-social>${tag}</mj-social>`),
  "mj-wrapper": inBody,
};
for (const name of "mj-accordion mj-button mj-carousel mj-divider mj-image mj-navbar mj-social mj-spacer mj-table mj-text".split(" "))
  around[name] = inColumn;
const always = {
  "mj-button": { href: "https://x.example/" },
  "mj-carousel-image": { src: "https://x.example/1.png" },
  "mj-hero": { "background-url": "https://x.example/h.png", "background-height": "300px", "background-width": "600px" },
  "mj-image": { src: "https://x.example/a.png", alt: "a" },
  "mj-navbar-link": { href: "/a" },
  "mj-social-element": { name: "facebook", href: "https://x.example/" },
};
const values = {
  "font-family": ["Georgia, serif"], "font-style": ["italic"], "font-weight": ["700"], "letter-spacing": ["3px"],
  "line-height": ["30px", "2", "150%"], "text-decoration": ["underline"], "text-transform": ["uppercase"],
  align: ["left", "right", "center"], "text-align": ["left", "right"], "vertical-align": ["middle", "bottom"],
  "background-size": ["cover", "100px 50px"], "background-position": ["top left", "20% 30%"],
  border: ["2px solid red"], "border-radius": ["8px"], "border-style": ["dashed"], "border-width": ["6px"],
  padding: ["12px 34px", "0 34px", "20"], "inner-padding": ["20px 40px"], width: ["200px", "50%", "200"], height: ["120px"],
  name: ["github", "x"], cellpadding: ["9"], cellspacing: ["9"], gap: ["20px"], href: ["https://x.example/x"],
  src: ["https://x.example/b.png"], "background-url": ["https://x.example/b.png"], title: ["Tip"], alt: ["Alt"],
  mode: ["vertical", "fixed-height", "fluid-height"], thumbnails: ["hidden"], hamburger: ["hamburger"],
};

function examples(attribute, type) {
  if (values[attribute]) return values[attribute];
  const choice = /^enum\((.*)\)$/.exec(type);
  if (choice) return choice[1].split(",");
  if (type === "color") return ["#cc3300"];
  if (type === "boolean") return ["true"];
  if (/^unit/.test(type)) return ["17px"];
  if (/url|icon|src$/.test(attribute)) return ["https://x.example/i.png"];
  return [/border/.test(attribute) ? "3px solid blue" : "7px"];
}

for (const [name, put] of Object.entries(around)) {
  for (const [attribute, type] of [["", ""], ...Object.entries(components[name].allowedAttributes || {})]) {
    if (attribute === "srcset") continue; // for screens with finer dots alone
    for (const value of attribute ? examples(attribute, type) : [""]) {
      const given = { ...always[name], ...(attribute && { [attribute]: value }) };
      const written = Object.entries(given).map(([key, one]) => ` ${key}="${one}"`).join("");
      const file = `${name}.${attribute || "plain"}.${value.replace(/[^a-z0-9%]+/gi, "_")}.mjml`;
      fs.writeFileSync(path.join(sources, file), put(`<${name}${written}>${inside[name] || ""}</${name}>`));
    }
  }
}
