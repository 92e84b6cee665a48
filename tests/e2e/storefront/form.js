"use strict";
// A storefront's age check, written against the contract: what the API says stands next to the field it is about.

const h = React.createElement;
const { api, token, customerId } = window.STOREFRONT;
const FIELDS = {
  fullName: "Full name",
  dateOfBirth: "Date of birth (YYYY-MM-DD)",
  idNumberLast4: "Last four digits of your ID",
  state: "State",
};

async function verify(claim) {
  const response = await fetch(`${api}/api/age-verification/verify`, {
    method: "POST",
    credentials: "include",
    headers: {
      Authorization: `Bearer ${token}`,
      "Content-Type": "application/json",
      "X-Request-ID": `shop-${crypto.randomUUID()}`,
    },
    body: JSON.stringify({ customerId, ...claim }),
  });
  return {
    status: response.status,
    body: await response.json(),
    requestId: response.headers.get("X-Request-ID"),
    limit: response.headers.get("RateLimit"),
    retryAfter: response.headers.get("Retry-After"),
  };
}

function fieldErrors({ status, body }) {
  if (status !== 400) return {};
  if (body.missing) return Object.fromEntries(body.missing.map((name) => [name, "Please fill this in."]));
  return { [body.field]: `${body.error}. ${body.nextStep ?? ""}` };
}

function Field({ name, error, value, onChange }) {
  return h(
    "p",
    null,
    h("label", { htmlFor: name }, FIELDS[name]),
    h("input", { id: name, value, onChange, "aria-invalid": Boolean(error), "aria-describedby": `${name}-error` }),
    h("span", { id: `${name}-error`, role: error ? "alert" : undefined }, error),
  );
}

function LocalTime({ at }) {
  const text = new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return h("time", { dateTime: at }, text);
}

function Outcome({ answer }) {
  if (answer.unreachable) return h("p", { id: "outcome", role: "alert" }, "The age check cannot be reached. Try again.");
  const { status, body } = answer;
  if (status === 200)
    return h("p", { id: "outcome" }, `Verified (${body.method}), valid until `, h(LocalTime, { at: body.expiresAt }));
  if (status === 429 && body.resetAt)
    return h("p", { id: "outcome", role: "alert" }, `${body.error}. Try again after `, h(LocalTime, { at: body.resetAt }));
  if (status === 400 && body.attemptsRemaining !== undefined)
    return h("p", { id: "outcome" }, `${body.attemptsRemaining} attempts left`);
  return h("p", { id: "outcome", role: "alert" }, body.error);
}

function Form() {
  const [claim, setClaim] = React.useState({ fullName: "", dateOfBirth: "", idNumberLast4: "", state: "" });
  const [answer, setAnswer] = React.useState(null);
  const errors = answer && !answer.unreachable ? fieldErrors(answer) : {};

  async function submit(event) {
    event.preventDefault();
    setAnswer(null);
    try {
      setAnswer(await verify(claim));
    } catch {
      setAnswer({ unreachable: true });
    }
  }

  const change = (name) => (event) => setClaim({ ...claim, [name]: event.target.value });
  return h(
    "form",
    { onSubmit: submit, noValidate: true },
    Object.keys(FIELDS).map((name) =>
      h(Field, { key: name, name, error: errors[name], value: claim[name], onChange: change(name) }),
    ),
    h("button", null, "Check my age"),
    answer && h(Outcome, { answer }),
    answer && h("footer", null, h("span", { id: "request-id" }, answer.requestId), h("span", { id: "limit" }, answer.limit)),
  );
}

ReactDOM.createRoot(document.getElementById("form")).render(h(Form));
