// Asks once a second and shows what it hears. Labels become text, never markup.
const state = document.getElementById("state");
const rows = document.getElementById("labels");

function row(label) {
  const row = document.createElement("tr");
  for (const value of [label.label, label.here, label.everywhere ?? "?"]) {
    const cell = document.createElement("td");
    cell.textContent = value;
    row.append(cell);
  }
  return row;
}

async function look() {
  try {
    const answer = await fetch("connections.json", { cache: "no-store" });
    if (!answer.ok) throw new Error(`the gateway answers ${answer.status}`);
    const data = await answer.json();
    rows.replaceChildren(...data.labels.map(row));
    const gateways = data.gateways === 1 ? "1 gateway" : `${data.gateways} gateways`;
    state.textContent = `${data.connections} connections here, ${gateways}, Redis: ${data.redis}${data.draining ? ", draining" : ""}`;
  } catch (error) {
    state.textContent = `no answer: ${error.message}`;
  }
  setTimeout(look, 1000);
}

look();
