"""Pays, refunds and fails with YooKassa's own client: yookassa_sdk.py API_URL SHOP_ID SECRET_KEY"""

import sys
import uuid

import requests
from yookassa import Configuration, Payment, Receipt, Refund, Settings
from yookassa.domain.exceptions import BadRequestError, NotFoundError, UnauthorizedError
from yookassa.domain.notification import WebhookNotification


def roubles(value):
    return {"value": value, "currency": "RUB"}


def order(value, **more):
    return {
        "amount": roubles(value),
        "capture": True,
        "description": "Заказ № 72",
        "confirmation": {"type": "redirect", "return_url": "https://shop.example/thanks"},
        **more,
    }


def pay(payment, card="ok"):
    url = payment.confirmation.confirmation_url
    answer = requests.post(url, data={"card": card}, allow_redirects=False, timeout=10)
    assert answer.status_code == 303, answer.text
    return Payment.find_one(payment.id)


def is_money(amount, value):
    assert (f"{amount.value:.2f}", amount.currency) == (value, "RUB"), (amount.value, amount.currency)


def refused(kind, act, *args):
    try:
        act(*args)
    except kind as error:
        return error.content
    raise AssertionError(f"{act} was not refused with {kind}")


def one_off():
    key = str(uuid.uuid4())
    made = Payment.create(order("1000.00", metadata={"payment_id": "a"}), key)
    assert (made.status, made.paid, made.test) == ("pending", False, True)
    assert made.metadata["payment_id"] == "a"
    again = Payment.create(order("1000.00", metadata={"payment_id": "a"}), key)
    assert again.id == made.id
    told = refused(BadRequestError, Payment.create, order("1000.01"), key)
    assert (told["code"], told["parameter"]) == ("invalid_request", "Idempotence-Key"), told
    paid = pay(made)
    assert (paid.status, paid.paid, paid.refundable) == ("succeeded", True, True)
    is_money(paid.income_amount, "965.00")
    assert paid.payment_method.card.last4 == "4444"
    return paid


def saved_method():
    first = pay(Payment.create(order("1.00", save_payment_method=True)))
    assert first.payment_method.saved is True
    charge = {"amount": roubles("299.00"), "capture": True, "payment_method_id": first.payment_method.id}
    assert Payment.create(charge).status == "succeeded"
    charge["payment_method_id"] = str(uuid.uuid4())
    assert refused(BadRequestError, Payment.create, charge)["parameter"] == "payment_method_id"


def two_stages():
    for captured in ("50.00", "20.00"):
        held = pay(Payment.create(order("50.00", capture=False)))
        assert held.status == "waiting_for_capture" and held.expires_at
        done = Payment.capture(held.id, {"amount": roubles(captured)})
        assert done.status == "succeeded"
        is_money(done.amount, captured)
    held = pay(Payment.create(order("50.00", capture=False)))
    canceled = Payment.cancel(held.id)
    assert canceled.status == "canceled"
    assert (canceled.cancellation_details.party, canceled.cancellation_details.reason) == ("merchant", "canceled_by_merchant")
    refused(BadRequestError, Payment.capture, held.id, {"amount": roubles("50.00")})
    declined = pay(Payment.create(order("50.00")), "insufficient_funds")
    assert declined.cancellation_details.reason == "insufficient_funds"


def refunds(paid):
    part = Refund.create({"payment_id": paid.id, "amount": roubles("400.00"), "description": "part"})
    assert part.status == "succeeded"
    is_money(part.amount, "400.00")
    refused(BadRequestError, Refund.create, {"payment_id": paid.id, "amount": roubles("600.01")})
    Refund.create({"payment_id": paid.id, "amount": roubles("600.00")})
    assert Refund.find_one(part.id).payment_id == paid.id
    assert len(Refund.list({"payment_id": paid.id}).items) == 2
    after = Payment.find_one(paid.id)
    is_money(after.refunded_amount, "1000.00")
    assert after.refundable is False


def receipts():
    receipt = {
        "customer": {"email": "payer@example.com"},
        "items": [{"description": "Подписка", "quantity": 2, "amount": roubles("5.00"), "vat_code": 1}],
    }
    paid = pay(Payment.create(order("10.00", receipt=receipt)))
    assert paid.receipt_registration == "succeeded"
    (printed,) = Receipt.list({"payment_id": paid.id}).items
    assert (printed.type, printed.status) == ("payment", "succeeded")


def lists():
    seen, cursor = [], None
    while True:
        page = Payment.list({"limit": 2, **({"cursor": cursor} if cursor else {})})
        seen += [payment.id for payment in page.items]
        cursor = page.next_cursor
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 8, seen
    assert all(payment.status == "canceled" for payment in Payment.list({"status": "canceled"}).items)
    return seen[0]


def refusals(shop_id, api_url, some_id):
    refused(NotFoundError, Payment.find_one, str(uuid.uuid4()))
    assert Settings.get_account_settings()["account_id"] == shop_id
    payment = requests.get(f"{api_url}/payments/{some_id}", auth=(shop_id, Configuration.secret_key), timeout=10).json()
    told = {"type": "notification", "event": f"payment.{payment['status']}", "object": payment}
    assert WebhookNotification(told).object.id == some_id
    Configuration.configure(shop_id, "test_wrong", api_url=api_url)
    assert refused(UnauthorizedError, Payment.find_one, some_id)["code"] == "invalid_credentials"


def main(api_url, shop_id, secret_key):
    Configuration.configure(shop_id, secret_key, api_url=api_url)
    paid = one_off()
    saved_method()
    two_stages()
    refunds(paid)
    receipts()
    refusals(shop_id, api_url, lists())


main(*sys.argv[1:])
