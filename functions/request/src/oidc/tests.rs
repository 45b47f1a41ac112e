use super::*;

const ARN: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/my-alb/50dc6c495c0c9188";

#[test]
fn the_place_of_the_keys_is_the_region_s() {
    for (arn, url) in [
        (ARN.to_owned(), "https://public-keys.auth.elb.us-east-1.amazonaws.com/"),
        (
            ARN.replace("arn:aws:", "arn:aws-us-gov:").replace("us-east-1", "us-gov-west-1"),
            "https://s3-us-gov-west-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-west-1/",
        ),
    ] {
        assert_eq!(keys_url(&arn).as_deref(), Ok(url));
    }
    for arn in [
        "",
        "my-alb",
        &ARN.replace(":us-east-1:", "::"),
        &ARN.replace(":us-east-1:", ":evil.example/:"),
        &ARN.replace("123456789012", "12345"),
        &ARN.replace("/app/", "/net/"),
        &ARN.replace("elasticloadbalancing", "ec2"),
        &ARN.replace("/50dc6c495c0c9188", ""),
        &ARN.replace("loadbalancer/app", "targetgroup"),
        &format!("{ARN}/more"),
        &format!(" {ARN}"),
    ] {
        assert_eq!(keys_url(arn), Err(ArnError::Malformed(arn.to_owned())));
    }
    let china = ARN.replace("arn:aws:", "arn:aws-cn:");
    assert_eq!(keys_url(&china), Err(ArnError::Partition("aws-cn".to_owned())));
}

#[test]
fn the_id_of_a_key_is_a_uuid() {
    for (id, expected) in [
        ("12345678-1234-1234-1234-123456789012", true),
        ("abcdefAB-1234-1234-1234-12345678901F", true),
        ("", false),
        ("../../../../../../../../../evil/xxxx", false),
        ("12345678-1234-1234-1234-12345678901", false),
        ("12345678-1234-1234-1234-1234567890123", false),
        ("12345678/1234-1234-1234-123456789012", false),
        ("12345678-1234-1234-1234-12345678901%", false),
        ("123456781234-1234-1234-1234-56789012", false),
    ] {
        assert_eq!(is_uuid(id), expected, "{id}");
    }
}
