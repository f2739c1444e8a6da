"""Takes payments from the emulator with Stripe's own SDK. Exits with 0 when everything is as it would be at Stripe."""

import json
import os
import queue
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import stripe

URL, KEY = os.environ["STRIPE_URL"], os.environ["STRIPE_KEY"]
SECRET, WEBHOOK = os.environ["STRIPE_WEBHOOK_SECRET"], os.environ["WEBHOOK_URL"]

told = queue.Queue()


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told.put((body, self.headers["Stripe-Signature"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def client(key=KEY):
    return stripe.StripeClient(key, base_addresses={"api": URL}, max_network_retries=0)


def pay(session, card="ok"):
    request = urllib.request.Request(
        f"{URL}/pay/{session}", data=json.dumps({"card": card}).encode(), method="POST"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(request, timeout=10).read()
        return 200
    except urllib.error.HTTPError as error:
        return error.code


def raises(kind, act):
    try:
        act()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def page(**more):
    price = {"currency": "usd", "unit_amount": 10_000, "product_data": {"name": "A plan"}}
    return {
        "mode": "payment",
        "success_url": "https://shop.example/thanks?a=1&b=2",
        "line_items": [{"quantity": 1, "price_data": price}],
        "client_reference_id": "payment-1",
        "metadata": {"payment_id": "payment-1"},
        **more,
    }


def pages(sdk):
    whole = ["payment_intent.latest_charge.balance_transaction"]
    made = sdk.v1.checkout.sessions.create(page(expand=whole), {"idempotency_key": "page-1"})
    assert (made.status, made.payment_status, made.payment_intent) == ("open", "unpaid", None)
    assert made.metadata["payment_id"] == "payment-1" and made.amount_total == 10_000
    again = sdk.v1.checkout.sessions.create(page(expand=whole), {"idempotency_key": "page-1"})
    assert again.id == made.id and again.last_response.headers["Idempotent-Replayed"] == "true"
    other = lambda: sdk.v1.checkout.sessions.create(page(), {"idempotency_key": "page-1"})
    assert raises(stripe.IdempotencyError, other).http_status == 400
    assert pay(made.id, "declined") == 402
    assert pay(made.id) == 200
    paid = sdk.v1.checkout.sessions.retrieve(made.id, {"expand": whole})
    assert (paid.status, paid.payment_status) == ("complete", "paid")
    charge = paid.payment_intent.latest_charge
    assert charge.balance_transaction.fee == 320 and charge.payment_method_details.card.last4 == "4242"
    closed = sdk.v1.checkout.sessions.create(page())
    assert sdk.v1.checkout.sessions.expire(closed.id).status == "expired"
    raises(stripe.InvalidRequestError, lambda: sdk.v1.checkout.sessions.expire(closed.id))
    return paid.payment_intent.id


def held_money(sdk):
    for amount in (6_000, None):
        made = sdk.v1.checkout.sessions.create(page(payment_intent_data={"capture_method": "manual"}))
        assert pay(made.id) == 200
        intent = sdk.v1.checkout.sessions.retrieve(made.id).payment_intent
        assert sdk.v1.payment_intents.retrieve(intent).status == "requires_capture"
        if amount is None:
            assert sdk.v1.payment_intents.cancel(intent).status == "canceled"
        else:
            captured = sdk.v1.payment_intents.capture(intent, {"amount_to_capture": amount})
            assert (captured.status, captured.amount_received) == ("succeeded", amount)


def saved_method(sdk):
    data = {"setup_future_usage": "off_session"}
    made = sdk.v1.checkout.sessions.create(page(customer_creation="always", payment_intent_data=data))
    assert pay(made.id) == 200
    kept = sdk.v1.checkout.sessions.retrieve(made.id, {"expand": ["payment_intent"]}).payment_intent
    assert sdk.v1.customers.retrieve(kept.customer).object == "customer"
    assert sdk.v1.payment_methods.retrieve(kept.payment_method).card.brand == "visa"
    return {
        "amount": 700,
        "currency": "usd",
        "customer": kept.customer,
        "payment_method": kept.payment_method,
        "off_session": True,
        "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }


def charges(sdk, charge):
    assert sdk.v1.payment_intents.create(charge).status == "succeeded"
    missing = lambda: sdk.v1.payment_intents.create({**charge, "payment_method": "pm_nobody"})
    assert raises(stripe.InvalidRequestError, missing).code == "resource_missing"
    unreturned = {name: value for name, value in charge.items() if name != "automatic_payment_methods"}
    assert raises(stripe.InvalidRequestError, lambda: sdk.v1.payment_intents.create(unreturned)).param == "return_url"


def refunds(sdk, intent):
    first = sdk.v1.refunds.create({"payment_intent": intent, "amount": 4_000, "reason": "duplicate"})
    assert (first.status, first.amount) == ("succeeded", 4_000)
    assert sdk.v1.refunds.retrieve(first.id).payment_intent == intent
    too_much = {"payment_intent": intent, "amount": 6_001}
    raises(stripe.InvalidRequestError, lambda: sdk.v1.refunds.create(too_much))
    assert sdk.v1.refunds.create({"payment_intent": intent}).amount == 6_000
    whole = sdk.v1.payment_intents.retrieve(intent, {"expand": ["latest_charge.refunds"]})
    assert whole.latest_charge.refunded and len(whole.latest_charge.refunds.data) == 2
    twice = raises(stripe.InvalidRequestError, lambda: sdk.v1.refunds.create({"payment_intent": intent}))
    assert twice.code == "charge_already_refunded"
    assert [refund.amount for refund in sdk.v1.refunds.list({"payment_intent": intent}).data] == [6_000, 4_000]


def lists(sdk):
    intents = [sdk.v1.payment_intents.create({"amount": 100 + n, "currency": "eur"}).id for n in range(25)]
    since = sdk.v1.payment_intents.retrieve(intents[0]).created
    listed = sdk.v1.payment_intents.list({"limit": 10, "created": {"gte": since}})
    assert listed.has_more and len(listed.data) == 10
    ids = [intent.id for intent in listed.auto_paging_iter()]
    assert len(ids) == len(set(ids)) and ids[:25] == intents[::-1]
    assert not sdk.v1.payment_intents.list({"created": {"lt": since - 3_600}}).data
    assert sdk.v1.events.list({"limit": 1}).data[0].type == "payment_intent.created"


def errors(sdk):
    raises(stripe.AuthenticationError, lambda: client("sk_test_foreign").v1.refunds.list())
    missing = raises(stripe.InvalidRequestError, lambda: sdk.v1.payment_intents.retrieve("pi_nobody"))
    assert (missing.http_status, missing.code) == (404, "resource_missing")
    unknown = raises(stripe.InvalidRequestError, lambda: sdk.v1.payment_intents.create({"amonut": 1}))
    assert unknown.code == "parameter_unknown"
    raises(stripe.InvalidRequestError, lambda: sdk.v1.payment_intents.list({"expand": ["data.nothing"]}))


def declined(sdk, charge):
    """The first charge with nobody present, which the emulator is told to decline."""
    error = raises(stripe.CardError, lambda: sdk.v1.payment_intents.create(charge))
    assert (error.http_status, error.code, error.error.decline_code) == (402, "card_declined", "insufficient_funds")
    intent = error.error.payment_intent
    assert intent.status == "requires_payment_method" and intent.last_payment_error.code == "card_declined"
    ended = sdk.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (ended.status, ended.last_payment_error.decline_code) == ("canceled", "insufficient_funds")


def notifications():
    wanted = {"checkout.session.completed", "checkout.session.expired", "payment_intent.succeeded", "charge.refunded"}
    while wanted:
        body, signature = told.get(timeout=10)
        wanted.discard(stripe.Webhook.construct_event(body, signature, SECRET).type)
    forged = lambda: stripe.Webhook.construct_event(body + b" ", signature, SECRET)
    raises(stripe.SignatureVerificationError, forged)
    foreign = lambda: stripe.Webhook.construct_event(body, signature, "whsec_of_another")
    raises(stripe.SignatureVerificationError, foreign)


def main():
    hook = HTTPServer(("127.0.0.1", int(WEBHOOK.rstrip("/").rpartition(":")[2])), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    sdk = client()
    intent = pages(sdk)
    held_money(sdk)
    charge = saved_method(sdk)
    declined(sdk, charge)
    charges(sdk, charge)
    refunds(sdk, intent)
    errors(sdk)
    lists(sdk)
    notifications()


main()
