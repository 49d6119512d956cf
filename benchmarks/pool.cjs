// Sends mails through nodemailer's pool, and prints the seconds it took.
// node pool.cjs MODULES MAILS PORT CONNECTIONS      MAILS: a line of JSON each, {to, subject, text, html}
const fs = require("fs");
const [modules, mails, port, connections] = process.argv.slice(2);
const nodemailer = require(`${modules}/nodemailer`);

const messages = fs.readFileSync(mails, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
const pool = nodemailer.createTransport({
  pool: true,
  host: "127.0.0.1",
  port: Number(port),
  ignoreTLS: true,
  maxConnections: Number(connections),
  maxMessages: Infinity,
});
const from = '"The Pottery Fair" <fair@mergecast-fair.org>';

(async () => {
  const began = process.hrtime.bigint();
  await Promise.all(messages.map((message) => pool.sendMail({ from, ...message })));
  console.log(Number(process.hrtime.bigint() - began) / 1e9);
  pool.close();
})();
