// node boxes.js FOLDER...: beside each .html a .json with what Chromium shows of it at the width of a desk and a telephone.
const fs = require("fs");
const os = require("os");
const path = require("path");
const puppeteer = require("puppeteer-core");

const FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="200"><rect width="400" height="200"/></svg>';

function seen() {
  const found = [];
  const place = (box) => [box.left + scrollX, box.top + scrollY, box.width, box.height];
  const hidden = (element) => {
    for (let one = element; one && one !== document.documentElement; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (style.display === "none" || style.visibility === "hidden" || style.opacity === "0") return true;
      if (style.maxHeight === "0px" && style.overflow === "hidden") return true;
    }
    return false;
  };
  const link = (element) => element.closest("a")?.getAttribute("href");
  const text = (node) => {
    const words = node.textContent.replace(/\s+/g, " ").trim();
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    const parent = node.parentElement;
    if (!words || !box.width || hidden(parent) || ["STYLE", "SCRIPT"].includes(parent.tagName)) return;
    const s = getComputedStyle(parent);
    const look = [s.color, s.fontSize, s.fontWeight, s.fontStyle, s.fontFamily.replace(/["']/g, ""), s.lineHeight];
    look.push(s.textAlign, s.letterSpacing, s.textTransform, s.direction);
    found.push({ kind: "text", what: words, place: place(box), look: look.join("; "), href: link(parent) });
  };
  const element = (node) => {
    const s = getComputedStyle(node);
    const box = node.getBoundingClientRect();
    const sides = ["Top", "Right", "Bottom", "Left"].map((side) =>
      s[`border${side}Width`] === "0px" ? "" : `${s[`border${side}Width`]} ${s[`border${side}Style`]} ${s[`border${side}Color`]}`,
    );
    const picture = node.tagName === "IMG";
    const paints = s.backgroundColor !== "rgba(0, 0, 0, 0)" || s.backgroundImage !== "none" || s.boxShadow !== "none";
    if (!box.width || !box.height || !(picture || paints || sides.some(Boolean)) || hidden(node)) return;
    const look = [s.backgroundColor, s.backgroundImage, sides.join(), s.borderRadius, s.boxShadow];
    if (s.backgroundImage !== "none") look.push(s.backgroundSize, s.backgroundPosition, s.backgroundRepeat);
    const one = { kind: picture ? "picture" : "box", what: "", place: place(box), look: look.join("; ") };
    if (picture) Object.assign(one, { what: node.getAttribute("src") || "", alt: node.getAttribute("alt"), href: link(node) });
    found.push(one);
  };
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return text(node);
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    element(node);
    node.childNodes.forEach(walk);
  };
  const remarks = document.createNodeIterator(document, NodeFilter.SHOW_COMMENT);
  for (let one = remarks.nextNode(); one; one = remarks.nextNode()) one.remove();
  document.body.normalize(); // text that a remark parts is one text
  walk(document.body);
  return found;
}

(async () => {
  const userDataDir = fs.mkdtempSync(path.join(os.tmpdir(), "gallery-"));
  const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
  const browser = await puppeteer.launch({ executablePath, headless: true, args: FLAGS.split(" "), userDataDir });
  const page = await browser.newPage();
  await page.setRequestInterception(true); // nothing is fetched from anywhere
  page.on("request", (request) => {
    if (request.resourceType() === "image") return request.respond({ contentType: "image/svg+xml", body: PICTURE });
    return request.url().startsWith("data:") || request.url() === "about:blank" ? request.continue() : request.abort();
  });
  for (const folder of process.argv.slice(2)) {
    for (const name of fs.readdirSync(folder).filter((one) => one.endsWith(".html"))) {
      const pages = {};
      for (const width of [600, 375]) {
        await page.setViewport({ width, height: 800 });
        await page.setContent(fs.readFileSync(path.join(folder, name), "utf8"), { waitUntil: "load" });
        pages[width] = await page.evaluate(seen);
      }
      fs.writeFileSync(path.join(folder, name.replace(/\.html$/, ".json")), JSON.stringify(pages));
    }
  }
  await browser.close();
  fs.rmSync(userDataDir, { recursive: true, force: true });
})();
